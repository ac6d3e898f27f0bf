// Writes the evidence of an image in a store, for test_evidence.py:
//   evidence_documents STORE NAME SPEC OUT plan|manifest
// NAME is as in the store's index; SPEC has its lock beside it. With `plan` the layers' inputs come
// from the plan, with `manifest` nothing is known but the image and its lock.
#include <cstdio>
#include <string>
#include <vector>

#include "build/define.h"
#include "build/describe.h"
#include "evidence/cyclonedx.h"
#include "evidence/inventory.h"
#include "evidence/provenance.h"
#include "evidence/spdx.h"

namespace {

using namespace imgforge;

Result<> write_documents(const std::vector<std::string>& words) {
  const std::string& name = words[1];
  const store::Store store = TRY(store::Store::open(words[0]));
  const auto descriptor = TRY(store.find_image(name));
  if (!descriptor) return fail(Errc::not_found, "no image " + name);
  const auto manifest = TRY(oci::parse_manifest(TRY(store.read_blob(descriptor->digest))));
  const auto config = TRY(oci::parse_image_config(TRY(store.read_blob(manifest.config->digest))));
  const auto spec = TRY(build::load_image(words[2], {}));
  const auto lock = TRY(spec::load_lock(spec::lock_path(words[2])));
  TRY(build::check_lock_of_image(manifest, lock));
  evidence::Image image =
      build::describe(name.substr(0, name.find(':')), *descriptor, manifest, config);
  image.repository = "registry.example/team/" + image.name;
  if (words[4] == "plan") build::add_inputs(image, TRY(build::make_plan(spec, lock)));
  const auto inventory = TRY(
      evidence::take_inventory(image, lock, store, {.workers = 2}, base::silent_progress(), {}));
  const evidence::Tool tool{"imgforge", "0.0.0"};
  TRY(base::write_file_atomic(words[3] + "/spdx.json", evidence::to_spdx(inventory, image, tool)));
  TRY(base::write_file_atomic(words[3] + "/cyclonedx.json",
                              evidence::to_cyclonedx(inventory, image, tool)));
  const auto provenance = TRY(evidence::provenance(
      image, spec, lock,
      {.builder_id = "https://ci.example/builder", .builder_version = {{"imgforge", "0.0.0"}}}));
  return base::write_file_atomic(words[3] + "/provenance.json", provenance);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 5) return 2;
  const auto done = write_documents(words);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().summary().c_str());
  return 1;
}
