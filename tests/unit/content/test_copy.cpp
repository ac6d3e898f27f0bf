#include "content/copy.h"

#include <random>

#include "catch.h"
#include "content/referrers.h"
#include "unit/content/memory_end.h"

using namespace imgforge;
using content::CopyOptions;
using test::MemoryEnd;

namespace {

Result<content::CopyReport> copy(MemoryEnd& from, const std::string& reference, MemoryEnd& to,
                                 const CopyOptions& options = {.tags = {"t"}}) {
  return content::copy(from, reference, to, options, base::silent_progress(), {});
}

oci::Descriptor on(oci::Descriptor descriptor, const char* platform) {
  descriptor.platform = REQUIRE_OK(oci::Platform::parse(platform));
  return descriptor;
}

// Two images that share a layer, in an index.
struct Example {
  Example() : from("from"), to("to") {
    shared = from.add_blob("shared layer");
    amd = from.add_image("amd", {shared, from.add_blob("amd layer")});
    arm = from.add_image("arm", {shared, from.add_blob("arm layer, larger")});
    index = from.add_index({on(amd.descriptor, "linux/amd64"), on(arm.descriptor, "linux/arm64")});
    from.tags.emplace("1", index.descriptor.digest);
  }
  MemoryEnd from, to;
  oci::Descriptor shared{.digest = oci::Digest::of("")};
  content::Document amd{{.digest = oci::Digest::of("")}, ""}, arm = amd, index = amd;
};

std::size_t first(const std::vector<std::string>& events, const std::string& start) {
  const auto found = std::find_if(events.begin(), events.end(),
                                  [&](const auto& event) { return event.starts_with(start); });
  return static_cast<std::size_t>(found - events.begin());
}
std::size_t last(const std::vector<std::string>& events, const std::string& start) {
  const auto found = std::find_if(events.rbegin(), events.rend(),
                                  [&](const auto& event) { return event.starts_with(start); });
  return static_cast<std::size_t>(events.rend() - found) - 1;
}

}  // namespace

TEST_CASE("children first, each digest once, tags last") {
  Example e;
  const auto report = REQUIRE_OK(copy(e.from, "1", e.to, {.tags = {"a", "b"}}));
  CHECK(report.image == e.index.descriptor);
  CHECK(report.moved.sent.blobs == 5);
  CHECK(report.written == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(report.document_there);
  const auto events = e.to.events();
  CHECK(e.to.count("take") == 5);
  CHECK(last(events, "take") < first(events, "put"));
  CHECK(last(events, "put") < first(events, "tag"));
  CHECK(e.to.tags.at("b") == e.index.descriptor.digest);
  CHECK(e.to.documents.at(e.index.descriptor.digest).bytes == e.index.bytes);
}

TEST_CASE("what is there is not looked at, and what half is there is completed") {
  Example e;
  REQUIRE_OK(copy(e.from, e.amd.descriptor.digest.to_string(), e.to, {}));
  const auto before = e.to.events().size();
  const auto rest = REQUIRE_OK(copy(e.from, "1", e.to));
  CHECK(rest.moved.sent.blobs == 2);   // of arm: config and layer
  CHECK(rest.moved.there.blobs == 1);  // the shared layer
  CHECK(e.to.events().size() > before);

  const auto looks = e.to.events().size();
  const auto again = REQUIRE_OK(copy(e.from, "1", e.to));
  CHECK(again.document_there);
  CHECK(again.written.empty());
  CHECK(again.moved == content::Moved());
  CHECK(e.to.events().size() == looks);

  const auto tagged = REQUIRE_OK(copy(e.from, "1", e.to, {.tags = {"t", "u"}}));
  CHECK(tagged.written == std::vector<std::string>{"u"});
  CHECK(e.to.events().size() == looks + 1);
}

TEST_CASE("one platform of an index, by itself") {
  Example e;
  const auto report = REQUIRE_OK(
      copy(e.from, "1", e.to,
           {.tags = {"t"}, .platform = REQUIRE_OK(oci::Platform::parse("linux/arm64"))}));
  CHECK(report.image.digest == e.arm.descriptor.digest);
  CHECK(e.to.documents.size() == 1);
  const auto none =
      copy(e.from, "1", e.to, {.platform = REQUIRE_OK(oci::Platform::parse("linux/riscv64"))});
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::not_found);
  CHECK(none.error().hint().find("linux/amd64") != std::string::npos);
}

TEST_CASE("a failure leaves no document and no tag behind") {
  Example e;
  e.to.before_take = [&](const oci::Descriptor& blob) -> Result<> {
    if (blob.digest == e.shared.digest) return fail(Errc::forbidden, "not this one");
    return {};
  };
  const auto failed = copy(e.from, "1", e.to);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::forbidden);
  CHECK(failed.error().summary().find(e.shared.digest.to_string()) != std::string::npos);
  CHECK(e.to.documents.empty());
  CHECK(e.to.tags.empty());
}

TEST_CASE("blobs that are collected before their document comes are sent once more") {
  Example e;
  content::Pusher pusher(e.from, e.to, {}, base::silent_progress(), {});
  pusher.offer(e.shared);
  REQUIRE_OK(pusher.settle());
  e.to.blobs.erase(e.shared.digest);
  REQUIRE_OK(pusher.publish({e.amd}, {"t"}));
  CHECK(e.to.blobs.contains(e.shared.digest));
  CHECK(e.to.tags.contains("t"));
}

TEST_CASE("an index that describes a child wrongly is believed in nothing") {
  Example e;
  oci::Descriptor wrong = on(e.amd.descriptor, "linux/amd64");
  SECTION("another size") { ++wrong.size; }
  SECTION("another type") { wrong.media_type = oci::media_type::kDockerManifest; }
  const auto index = e.from.add_index({wrong});
  const auto failed = copy(e.from, index.descriptor.digest.to_string(), e.to);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::mismatch);
}

TEST_CASE("indexes of indexes, down to a limit") {
  Example e;
  content::Document index = e.index;
  for (int depth = 0; depth < 2; ++depth) index = e.from.add_index({index.descriptor});
  REQUIRE_OK(copy(e.from, index.descriptor.digest.to_string(), e.to));
  index = e.from.add_index({index.descriptor});
  MemoryEnd other;
  CHECK(copy(e.from, index.descriptor.digest.to_string(), other).error().code() ==
        Errc::unsupported);
  CHECK(other.documents.empty());
}

TEST_CASE("a dry run says what would be sent") {
  Example e;
  REQUIRE_OK(copy(e.from, e.amd.descriptor.digest.to_string(), e.to, {}));
  const auto before = e.to.events().size();
  const auto plan = REQUIRE_OK(copy(e.from, "1", e.to, {.tags = {"t"}, .dry_run = true}));
  CHECK(plan.moved.sent.blobs == 2);
  CHECK(plan.moved.there.blobs == 1);
  CHECK(plan.written == std::vector<std::string>{"t"});
  const auto events = e.to.events();
  for (std::size_t i = before; i < events.size(); ++i) CHECK(events[i].starts_with("look "));
  CHECK(e.to.tags.empty());
}

TEST_CASE("referrers come along before the tag: of the image, of its parts, of themselves") {
  Example e;
  const auto sbom = e.from.add_image("sbom", {}, e.index.descriptor);
  const auto signature = e.from.add_image("signature of the sbom", {}, sbom.descriptor);
  const auto of_part = e.from.add_image("signature of arm", {}, e.arm.descriptor);
  const auto legacy = e.from.add_image("cosign", {});
  e.from.tags.emplace(content::cosign_tag(e.index.descriptor.digest, "sig"),
                      legacy.descriptor.digest);
  const auto report = REQUIRE_OK(copy(e.from, "1", e.to, {.tags = {"t"}, .referrers = true}));
  CHECK(report.referrers.size() == 4);
  for (const auto& document : {sbom, signature, of_part, legacy}) {
    CHECK(e.to.documents.contains(document.descriptor.digest));
  }
  CHECK(e.to.tags.contains(content::cosign_tag(e.index.descriptor.digest, "sig")));
  const auto events = e.to.events();
  CHECK(events.back() == "tag t at " + e.index.descriptor.digest.to_string());
  CHECK(first(events, "put " + sbom.descriptor.digest.to_string()) <
        first(events, "put " + signature.descriptor.digest.to_string()));

  SECTION("without being asked for, they stay") {
    MemoryEnd other;
    REQUIRE_OK(copy(e.from, "1", other));
    CHECK_FALSE(other.documents.contains(sbom.descriptor.digest));
  }
  SECTION("the image is there already: only they move") {
    MemoryEnd other;
    REQUIRE_OK(copy(e.from, "1", other));
    const auto late = REQUIRE_OK(copy(e.from, "1", other, {.tags = {"t"}, .referrers = true}));
    CHECK(late.document_there);
    CHECK(late.referrers.size() == 4);
  }
  SECTION("a target that loses them is an error, and the tag is not written") {
    MemoryEnd other;
    other.forgets_referrers = true;
    const auto lost = copy(e.from, "1", other, {.tags = {"t"}, .referrers = true});
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code() == Errc::mismatch);
    CHECK_FALSE(other.tags.contains("t"));
  }
  SECTION("a chain without end is a trap") {
    auto subject = signature.descriptor;
    for (int i = 0; i < 4; ++i) {
      subject = e.from.add_image("link " + std::to_string(i), {}, subject).descriptor;
    }
    MemoryEnd other;
    CHECK(copy(e.from, "1", other, {.tags = {"t"}, .referrers = true}).error().code() ==
          Errc::unsupported);
  }
}

TEST_CASE("any image arrives as it was, and a second copy moves nothing") {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (int round = 0; round < 50; ++round) {
    MemoryEnd from, to;
    std::vector<oci::Descriptor> layers, nodes;
    for (std::size_t i = 0; i < 6; ++i)
      layers.push_back(from.add_blob(std::string(pick(50), 'x') + std::to_string(i)));
    for (std::size_t i = 0; i < 1 + pick(5); ++i) {
      std::vector<oci::Descriptor> mine;
      for (std::size_t j = 0; j < 1 + pick(4); ++j) mine.push_back(layers[pick(layers.size())]);
      nodes.push_back(from.add_image("image " + std::to_string(i), mine).descriptor);
    }
    for (std::size_t i = 0; i < 1 + pick(2); ++i) {
      std::vector<oci::Descriptor> mine;
      for (std::size_t j = 0; j < 1 + pick(3); ++j) mine.push_back(nodes[pick(nodes.size())]);
      nodes.push_back(from.add_index(mine).descriptor);
    }
    const std::string root = nodes.back().digest.to_string();
    REQUIRE_OK(copy(from, root, to, {.tags = {"t"}, .parallel = 1 + pick(4)}));
    // Everything that the root reaches is there, byte for byte.
    std::vector<oci::Descriptor> open{nodes.back()};
    while (!open.empty()) {
      const auto one = open.back();
      open.pop_back();
      if (!oci::is_manifest(one.media_type) && !oci::is_index(one.media_type)) {
        REQUIRE(to.blobs.at(one.digest) == from.blobs.at(one.digest));
        continue;
      }
      const auto& document = to.documents.at(one.digest);
      REQUIRE(document.bytes == from.documents.at(one.digest).bytes);
      for (auto& child : REQUIRE_OK(oci::successors(one.media_type, document.bytes))) {
        open.push_back(child);
      }
    }
    std::set<std::string> taken;
    for (const auto& event : to.events()) {
      if (event.starts_with("take ")) REQUIRE(taken.insert(event).second);
    }
    const auto before = to.events().size();
    REQUIRE_OK(copy(from, root, to));
    REQUIRE(to.events().size() == before);
  }
}
