#include "build/reproduction.h"

#include "build/assemble.h"
#include "build/documents.h"
#include "build/kept_inputs.h"
#include "catch.h"

using namespace imgforge;
using build::LayerDifference;

namespace {

oci::Descriptor descriptor(const std::string& content) {
  return {.media_type = oci::media_type::kManifest,
          .digest = oci::Digest::of(content),
          .size = content.size()};
}

LayerDifference differing(LayerDifference::Kind kind, const std::string& id,
                          const std::string& of) {
  return {.kind = kind, .id = id, .layer_kind = of};
}

build::BuildDocuments documents() {
  return {.spec = {"specs/app.yaml", "imgforge: 1\n"},
          .cell = {},
          .lock = {"specs/app.lock.json", "{}\n"},
          .definitions = {{"layers/os/a.yaml", "a\n"}, {"layers/os/b.yaml", "a\n"}},
          .files = {{"requirements/base.txt", "numpy\n"}},
          .build_id = "v7",
          .version = "0.1.0",
          .source = "git+https://git.example/app",
          .commit = std::string(40, 'a')};
}

}  // namespace

TEST_CASE("documents go beside an image and come back") {
  const auto artifact = build::documents_artifact(documents(), descriptor("image"));
  const auto back = build::read_documents(artifact);
  REQUIRE(back);
  CHECK(*back == documents());
  CHECK(build::documents_artifact(*back, descriptor("image")).manifest.bytes ==
        artifact.manifest.bytes);
  const auto manifest = oci::parse_manifest(artifact.manifest.bytes);
  REQUIRE(manifest);
  CHECK(manifest->subject->digest == descriptor("image").digest);
}

TEST_CASE("documents of a matrix's cell say which cell") {
  auto cell = documents();
  cell.spec.path = "specs/app.matrix.yaml";
  cell.cell = "a1-b2";
  cell.lock.path = "specs/app.matrix.a1-b2.lock.json";
  const auto back = build::read_documents(build::documents_artifact(cell, descriptor("image")));
  REQUIRE(back);
  CHECK(*back == cell);
  CHECK(build::spec_address(*back) == "specs/app.matrix.yaml#a1-b2");
  cell.cell = "a1-b1";
  CHECK_FALSE(build::read_documents(build::documents_artifact(cell, descriptor("image"))));
}

TEST_CASE("documents that lead out of the project are refused") {
  for (const char* path : {"../a.yaml", "layers/../../a", "/etc/passwd", "layers//a", "a.yaml"}) {
    auto bad = documents();
    bad.definitions[0].path = path;
    INFO(path);
    const auto read = build::read_documents(build::documents_artifact(bad, descriptor("image")));
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == base::Errc::invalid);
  }
  for (const char* path : {"../a.txt", "specs/app.lock.json", "layers/os/a.yaml"}) {
    auto bad = documents();
    bad.files[0].path = path;
    INFO(path);
    CHECK_FALSE(build::read_documents(build::documents_artifact(bad, descriptor("image"))));
  }
  auto torn = documents();
  torn.lock.path = "specs/other.lock.json";
  CHECK_FALSE(build::read_documents(build::documents_artifact(torn, descriptor("image"))));
}

TEST_CASE("inputs: each once, in manifests that a registry takes") {
  std::vector<sources::Input> inputs;
  for (std::size_t i = 0; i < build::kInputsPerManifest + 1; ++i) {
    const auto digest = oci::Digest::of(std::to_string(i));
    inputs.push_back({.name = "input", .digest = digest, .size = 3});
    inputs.push_back({.name = "twin", .digest = digest, .size = 3});
  }
  const auto made = build::inputs_documents(inputs, descriptor("image"));
  REQUIRE(made.size() == 2);
  std::map<oci::Digest, build::KeptInput> kept;
  for (const content::Document& one : made) {
    CHECK(one.bytes.size() < (4U << 20));
    kept.merge(build::kept_inputs(*oci::parse_manifest(one.bytes)));
  }
  CHECK(kept.size() == build::kInputsPerManifest + 1);
  CHECK(kept.begin()->second.name == "input");
  CHECK(build::inputs_documents({}, descriptor("image")).empty());
}

TEST_CASE("causes: what the first difference usually comes from") {
  using Kind = LayerDifference::Kind;
  build::BuildCircumstances known{.built_by = "0.1.0",
                                  .rebuilt_by = "0.1.0",
                                  .lock_encoder = "gzip:r1",
                                  .our_encoder = "gzip:r2",
                                  .folder_layers = {"app"},
                                  .executed_layers = {"os"}};
  build::Divergence divergence{.layers = 3};
  const auto cause = [&](LayerDifference one) {
    divergence.differing = {std::move(one)};
    return build::explain(divergence, known);
  };
  CHECK(cause(differing(Kind::encoding, "wheels.2", "wheels")).likely ==
        "another encoder: gzip:r1 then, gzip:r2 now");
  auto app = differing(Kind::content, "app", "files");
  app.files = {{build::EntryDifference::Kind::changed, "app/a.py", "content (1 B, 2 B)"}};
  CHECK(cause(app).first == "layer app (files): app/a.py differs in its content (1 B, 2 B)");
  CHECK(cause(app).likely.find("no lock pins") != std::string::npos);
  auto os = differing(Kind::content, "os", "apt");
  os.files = {{build::EntryDifference::Kind::changed, "var/log/x", "time 1, 2"}};
  CHECK(cause(os).likely.find("time of the clock") != std::string::npos);
  os.files = {{build::EntryDifference::Kind::added, "usr/a.pyc", ""}};
  CHECK(cause(os).likely.find("bytecode") != std::string::npos);
  CHECK(cause(differing(Kind::content, "probe", "probe")).likely.find("probe") !=
        std::string::npos);
  CHECK(cause(differing(Kind::content, "cuda", "deb")).remedy.find("report") != std::string::npos);
  known.built_by = "0.0.9";
  CHECK(cause(differing(Kind::content, "cuda", "deb")).likely.find("imgforge 0.0.9 built it") !=
        std::string::npos);
  CHECK(cause(differing(Kind::missing, "cuda", "deb")).first ==
        "layer cuda (deb) is only in the original");
  known.other_documents = true;
  known.other_layers = {"os", "cuda"};
  CHECK(cause(os).likely.ends_with("it differs in layers os, cuda"));
}

TEST_CASE("an image whose layers are the same may differ in its documents") {
  build::ImageDocuments before, after;
  before.config.config.env = {"A=1", "B=2"};
  after.config.config.env = {"A=1", "B=3"};
  for (auto* one : {&before, &after}) {
    oci::Descriptor blob = descriptor("layer");
    blob.annotations[build::kLayerId] = "os";
    one->manifest.layers = {blob};
    one->config.diff_ids = {oci::Digest::of("layer")};
  }
  CHECK(build::differing_layers(before.manifest, after.manifest).empty());
  const base::TempDir folder = *base::TempDir::create("/tmp", "imgforge-test");
  const auto store = store::Store::open(folder.path() + "/store");
  REQUIRE(store);
  const auto divergence = build::compare_images(before, after, *store, 5);
  REQUIRE(divergence);
  CHECK(divergence->differing.empty());
  CHECK(divergence->config == std::vector<std::string>{"environment variable B: '2', rebuilt '3'"});
  CHECK(build::explain(*divergence, {}).first == divergence->config[0]);
  after.config.config.env = {"B=2", "A=1"};
  CHECK(build::compare_images(before, after, *store, 5)->config ==
        std::vector<std::string>{"order of environment variables: 'A=1 B=2', rebuilt 'B=2 A=1'"});
}
