// Every layer kind: entries that the schema and the kind's decoder both accept, and entries that
// both refuse.
#include <set>

#include "layer/definition.h"
#include "project.h"
#include "schema.h"

using namespace imgforge;

namespace {

struct Examples {
  const char* kind;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

const std::string kSources = "sources: [{archive: debian, suites: [bookworm], components: [main]}]";
const std::string kHash(64, 'a');

const std::vector<Examples> kExamples = {
    {"image",
     {"ref: registry.example/base:12", "ref: 'oci:base:12'\nplatform: linux/arm64"},
     {"", "reference: x", "ref: [x]"}},
    {"bootstrap",
     {"suite: bookworm\nsources: [{archive: debian}]", kSources,
      kSources + "\nvariant: essential\npackages: [python3, tar=1.34]\nmerged_usr: true\n"
                 "exclude: [/usr/share/man]"},
     {"suite: bookworm", kSources + "\nvariant: minbas", kSources + "\nmerged_usr: yes",
      kSources + "\npackages: python3", "sources: []", "sources: [{suites: [bookworm]}]",
      "sources: [{archive: debian, suites: [x], mirror: y}]"}},
    {"apt",
     {kSources + "\npackages: [git]"},
     {kSources, "packages: [git]", kSources + "\npackages: []", kSources + "\npakages: [git]"}},
    {"deb",
     {kSources + "\npackages: [libcudart11.0]\nldconfig: false"},
     {kSources, "packages: [x]", "sources: [{archive: debian}]\npackages: [x]",
      kSources + "\npackages: []", kSources + "\npackages: [x]\nldconfig: 1"}},
    {"redist",
     {"release: 11.8.0\ncomponents: [cuda_cudart]",
      "manifest: redistrib_11.8.0.json\ncomponents: [libcublas]\nprefix: /opt/cuda",
      "manifest: {product: cuda, release: 12.4.1}\ncomponents: [libcublas]"},
     {"components: [x]", "release: 11.8.0", "release: 11.8.0\ncomponents: []",
      "release: 11.8.0\ncomponents: [x]\nprefix: cuda", "manifest: {}\ncomponents: [x]"}},
    {"archive",
     {"url: https://host.example/a.tar.gz\nsha256: " + kHash, "file: vendor/a.zip\nstrip: 1",
      "file: a.tar\ndest: /opt\ninclude: ['*.so']\nexclude: [doc/]\nowner: '1:2'\nmode: '0644'"},
     {"", "url: https://host.example/a\nfile: b", "file: a\nstrip: -1", "file: a\nstrip: one",
      "file: a\nsha256: abc", "file: a\nowner: root", "file: a\nmode: rw", "file: a\ndest: opt"}},
    {"python",
     {"", "version: '3.11'", "provider: distro\nprefix: /opt/env",
      "provider: standalone\nversion: '3.11'\nrelease: '20250517'\nhome: /opt/py\nexclude: [x]",
      "provider: standalone\nversion: '3.11'\nurl: https://host.example/p.tar.gz\nsha256: " +
          kHash},
     {"provider: system", "provider: standalone", "provider: standalone\nversion: '3.11'",
      "provider: standalone\nrelease: '20250517'", "release: '20250517'", "prefix: opt"}},
    {"wheels",
     {"requirements: ['torch==2.6.0']", "requirements_file: requirements.txt", "pylock: p.toml",
      "requirements: [a]\nindex: pytorch/cu118\nindexes: [{index: default, only: [b]}]\n"
      "prefix: /opt/venv\ncuda: 11.8\nbytecode: unchecked-hash\n"
      "split: [{name: cuda, match: ['nvidia-*']}]\nallow_bad_record: [c]"},
     {"", "requirements: torch", "requirements: [a]\nindexes: [default]",
      "requirements: [a]\nindexes: [{only: [b]}]", "requirements: [a]\nsplit: [{name: x}]",
      "requirements: [a]\nbytecode: checked", "requirements: [a]\nprefix: venv"}},
    {"files",
     {"from: app", "from: {git: ., commit: v1}\ndest: /srv", "from: {git: .}",
      "from: a\ninclude: ['*.py']\nignore: [x/]\nexecutable: [bin/*]\nowner: 1000\nmode: '0640'"},
     {"", "from: [a]", "from: {commit: HEAD}", "from: a\ndest: app", "from: a\nowner: me",
      "from: a\nignores: []"}},
    {"run",
     {"script: make", "script: x\nenv: {A: 1}\nemit: false\nuser: app\nallow_nondeterminism: true"},
     {"", "script: ' '", "script: [make]", "script: x\nenv: [A=1]", "script: x\nemit: no",
      "script: x\nnetwork: true"}},
    {"probe", {""}, {"path: /x"}},
};

std::string entry(const std::string& kind, const std::string& rest) {
  return "kind: " + kind + "\n" + rest + "\n";
}

/// The schema checks whole definitions, so the entry stands in one.
std::string definition(const std::string& entry) {
  std::string indented;
  for (std::size_t at = 0; at < entry.size();) {
    const std::size_t end = entry.find('\n', at) + 1;
    indented += "    " + entry.substr(at, end - at);
    at = end;
  }
  return "imgforge: 1\nlayer: d\nlayers:\n  -\n" + indented;
}

}  // namespace

TEST_CASE("schema and decoder of every layer kind agree") {
  const Schema schema("layer.schema.json");
  for (const Examples& examples : kExamples) {
    for (const std::string& rest : examples.good) {
      const std::string text = entry(examples.kind, rest);
      INFO(text);
      CHECK(schema.check(definition(text)) == "");
      const auto decoded = layer::decode(REQUIRE_OK(document::parse_yaml(text, "x.yaml")));
      INFO((decoded ? "" : error_text(decoded.error())));
      CHECK(decoded);
    }
    for (const std::string& rest : examples.bad) {
      const std::string text = entry(examples.kind, rest);
      INFO(text);
      CHECK(schema.check(definition(text)) != "");
      CHECK_FALSE(layer::decode(REQUIRE_OK(document::parse_yaml(text, "x.yaml"))));
    }
    for (const char* common : {"id: os\ntitle: T\ncompression: zstd:3"}) {
      const std::string text = entry(examples.kind, examples.good[0] + "\n" + common);
      INFO(text);
      CHECK(schema.check(definition(text)) == "");
      CHECK(layer::decode(REQUIRE_OK(document::parse_yaml(text, "x.yaml"))));
    }
  }
}

TEST_CASE("the schema has the kinds of the table of kinds") {
  std::set<std::string> tested;
  for (const Examples& examples : kExamples) tested.insert(examples.kind);
  std::set<std::string> known;
  for (const layer::Kind& kind : layer::kinds()) known.emplace(kind.name);
  CHECK(tested == known);
}

TEST_CASE("every layer of the catalogue decodes") {
  const Project project;
  const std::string all = kHead +
                          "layers:\n"
                          "  - {use: os/ubuntu20.04, with: {snapshot: 20250520T000000Z}}\n"
                          "  - {use: os/ubuntu22.04, with: {keyring: keys/ubuntu.gpg}}\n"
                          "  - {use: os/debian12, with: {packages: [python3], exclude: [/x]}}\n"
                          "  - {use: python/distro}\n"
                          "  - {use: python/standalone, with: {version: 3.10}}\n"
                          "  - {use: cuda/wheels, with: {cuda: 12.4}}\n"
                          "  - {use: cuda/redist, with: {release: 11.8.0}}\n"
                          "  - {use: cuda/deb}\n"
                          "  - use: pytorch/wheels\n"
                          "    with:\n"
                          "      torch: 2.6.0\n"
                          "      cuda: 11.8\n"
                          "      indexes: [{index: default, only: [transformers]}]\n"
                          "  - {use: app/files, with: {from: app}}\n"
                          "  - {use: app/git}\n";
  const std::string root = IMGFORGE_SOURCE_DIR;
  std::vector<spec::ImageSpec> specs = {REQUIRE_OK(project.load(all, {root + "/layers"}))};
  for (const std::string& name : REQUIRE_OK(base::list_directory(root + "/specs"))) {
    if (!name.ends_with(".yaml") || name.ends_with(".matrix.yaml")) continue;
    specs.push_back(REQUIRE_OK(spec::load_spec(root + "/specs/" + name, {})));
  }
  CHECK(specs.size() >= 5);
  for (const spec::ImageSpec& spec : specs) {
    for (const spec::LayerUse& use : spec.layers) {
      INFO(spec.file << " " << use.id);
      const auto decoded = layer::decode(use.entry);
      INFO((decoded ? "" : error_text(decoded.error())));
      CHECK(decoded);
    }
  }
}
