// Policies that are right and policies that are wrong, for the decoder and for the schema.
#pragma once

#include <string>
#include <vector>

inline const std::string kHead = "imgforge: 1\nproject: ml\n";

inline const std::string kWhole = kHead + R"(host: harbor.example:8443
robot_prefix: robot$
prune: false
public: true
quota: 500GB
channels: [nightly, "v*-lts"]
immutable:
  - tags: "pytorch*-v[0-9]*"
    repositories: "team/**"
  - all_but_channels: true
    repositories_except: "{scratch,tmp}"
    disabled: true
retention:
  schedule: "0 30 2 * * *"
  keep:
    - {tags: "pytorch*", newest: 30}
    - {pushed_within_days: 14, untagged: true}
    - {tags_except: "tmp-*", always: true}
robots:
  - {name: ci, role: ci, days: 90, description: pushes}
  - {name: old, role: developer, days: never, disabled: true}
  - {name: mover, role: promoter, days: 30, projects: [ml, ml-release]}
  - {name: list-only, days: 1, access: {tag: [list], repository: [pull, read]}}
labels:
  - {name: promoted, color: "#00AB9A", description: was a channel}
scanning: {on_push: true, sbom_on_push: false, scanner: Trivy}
content_trust: {cosign: true, notation: false}
vulnerabilities: {block: high}
)";

/// What the schema sees too: keys, types, words, ranges.
inline const std::vector<std::string> kBroken = {
    "project: ml\n",
    "imgforge: 1\n",
    "imgforge: 2\nproject: ml\n",
    kHead + "colour: red\n",
    kHead + "host: https://harbor.example/path\n",
    kHead + "public: maybe\n",
    kHead + "quota: plenty\n",
    kHead + "quota: 0GB\n",
    kHead + "channels: nightly\n",
    kHead + "channels: [\"{a,b}\"]\n",
    kHead + "immutable: [{tag: x}]\n",
    kHead + "immutable: [{tags: a, tags_except: b}]\n",
    kHead + "immutable: [{tags: a, all_but_channels: true}]\n",
    kHead + "retention: {keep: []}\n",
    kHead + "retention: {schedule: daily}\n",
    kHead + "retention: {schedule: sometimes, keep: []}\n",
    kHead + "retention: {schedule: daily, keep: [{tags: a}]}\n",
    kHead + "retention: {schedule: daily, keep: [{newest: 1, always: true}]}\n",
    kHead + "retention: {schedule: daily, keep: [{newest: 0}]}\n",
    kHead + "robots: [{role: ci, days: 1}]\n",
    kHead + "robots: [{name: ci, days: 1}]\n",
    kHead + "robots: [{name: ci, role: ci}]\n",
    kHead + "robots: [{name: ci, role: boss, days: 1}]\n",
    kHead + "robots: [{name: CI, role: ci, days: 1}]\n",
    kHead + "robots: [{name: ci, role: ci, days: 0}]\n",
    kHead + "robots: [{name: ci, role: ci, days: soon}]\n",
    kHead + "robots: [{name: ci, role: ci, days: 1, projects: []}]\n",
    kHead + "robots: [{name: ci, role: ci, days: 1, access: {tag: [list]}}]\n",
    kHead + "robots: [{name: ci, days: 1, access: {tags: [list]}}]\n",
    kHead + "robots: [{name: ci, days: 1, access: {tag: [move]}}]\n",
    kHead + "robots: [{name: ci, days: 1, access: {}}]\n",
    kHead + "labels: [{color: \"#00AB9A\"}]\n",
    kHead + "labels: [{name: a, color: red}]\n",
    kHead + "scanning: {on_pull: true}\n",
    kHead + "content_trust: {cosign: 1}\n",
    kHead + "vulnerabilities: {block: awful}\n",
    kHead + "vulnerabilities: {}\n",
};
