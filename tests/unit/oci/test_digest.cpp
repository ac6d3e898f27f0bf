#include <set>
#include <unordered_set>

#include "catch.h"
#include "oci/descriptor.h"
#include "oci/digest.h"

using namespace imgforge;
using namespace imgforge::oci;

namespace {
// FIPS 180-4 example values.
constexpr const char* kEmpty =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
}  // namespace

TEST_CASE("a digest of content is that of the standard, and its text reads back") {
  CHECK(Digest::of("").to_string() == kEmpty);
  CHECK(Digest::of("abc").to_string() == kAbc);
  const Digest digest = REQUIRE_OK(Digest::parse(kAbc));
  CHECK(digest == Digest::of("abc"));
  CHECK(digest.short_hex() == "ba7816bf8f01");
  CHECK(REQUIRE_OK(Digest::from_sha256_hex(digest.hex())) == digest);
  for (int i = 0; i < 500; ++i) {
    const Digest any = Digest::of(std::to_string(i));
    CHECK(REQUIRE_OK(Digest::parse(any.to_string())) == any);
  }
}

TEST_CASE("nothing but the canonical form is a digest") {
  const std::string good = kAbc;
  for (std::string bad :
       {std::string(), std::string("sha256:"), good.substr(7), good + "0",
        good.substr(0, good.size() - 1), " " + good, good + "\n", "SHA256:" + good.substr(7),
        std::string("md5:d41d8cd98f00b204e9800998ecf8427e"),
        "sha256:../../../../etc/passwd" + std::string(35, '0')}) {
    INFO(bad);
    CHECK(Digest::parse(bad).error().code() == Errc::invalid);
  }
  std::string upper = good;
  upper[7] = 'B';
  CHECK(Digest::parse(upper).error().code() == Errc::invalid);
  const auto sha512 = Digest::parse("sha512:" + std::string(128, 'a'));
  CHECK(sha512.error().code() == Errc::unsupported);
  CHECK_FALSE(sha512.error().hint().empty());
  CHECK(Digest::from_sha256_hex("xyz").error().code() == Errc::internal);
  // A whole document in place of a digest is not quoted back.
  CHECK(Digest::parse(std::string(100000, 'x')).error().message().size() < 300);
}

TEST_CASE("digests are ordered by their hex and can be keys") {
  const Digest a = Digest::of("a"), b = Digest::of("b");
  CHECK((a < b) == (a.hex() < b.hex()));
  CHECK(std::set<Digest>{a, b, a}.size() == 2);
  CHECK(std::unordered_set<Digest>{a, b, a}.size() == 2);
}

TEST_CASE("a platform is read as Go names it") {
  CHECK(REQUIRE_OK(Platform::parse("linux/amd64")) == Platform{"linux", "amd64", ""});
  CHECK(REQUIRE_OK(Platform::parse("linux/arm64/v8")) == Platform{"linux", "arm64", "v8"});
  for (const char* text : {"linux/amd64", "linux/arm64/v8", "windows/386"}) {
    CHECK(REQUIRE_OK(Platform::parse(text)).to_string() == text);
  }
  const auto uname = Platform::parse("linux/x86_64");
  REQUIRE_FALSE(uname);
  CHECK(uname.error().hint() == "write linux/amd64");
  for (const char* bad :
       {"", "linux", "/", "linux/", "linux/amd64/", "linux/a/b/c", "Linux/amd64", "linux/am d64"}) {
    INFO(bad);
    CHECK(Platform::parse(bad).error().code() == Errc::invalid);
  }
}

TEST_CASE("a descriptor's JSON is canonical and reads back") {
  Descriptor descriptor{.media_type = media_type::kLayerGzip,
                        .digest = Digest::of("abc"),
                        .size = 18446744073709551615ULL};
  CHECK(to_json(descriptor) == std::string(R"({"digest":")") + kAbc +
                                   R"(","mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",)"
                                   R"("size":18446744073709551615})");
  CHECK(REQUIRE_OK(parse_descriptor(to_json(descriptor))) == descriptor);
  descriptor.annotations = {{"b", "\"\\\n"}, {"a", "\xc3\xa9"}};
  descriptor.platform = Platform{"linux", "arm64", "v8"};
  descriptor.artifact_type = "application/x";
  CHECK(REQUIRE_OK(parse_descriptor(to_json(descriptor))) == descriptor);
  CHECK(to_json(descriptor).find(' ') == std::string::npos);
}

TEST_CASE("a wrong descriptor is refused with the field's name") {
  const std::string good = to_json(Descriptor{"t", Digest::of("x"), 1, {}, {}, {}});
  CHECK(parse_descriptor(good));
  const auto text_of = [](std::string json) {
    const auto parsed = parse_descriptor(json);
    INFO(json);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    return parsed.error().summary();
  };
  CHECK_THAT(text_of(R"({"mediaType":"t","size":1})"), Catch::Contains("digest"));
  CHECK_THAT(text_of(R"({"mediaType":"t","size":-1,"digest":"sha256:0"})"),
             Catch::Contains("size"));
  CHECK_THAT(text_of(R"({"mediaType":"t","size":1,"digest":"sha256:0"})"),
             Catch::Contains("descriptor.digest"));
  // A media type too long for a string's own buffer: asan sees whether it is let go.
  CHECK_THAT(text_of(R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,)"
                     R"("digest":"sha256:0"})"),
             Catch::Contains("descriptor.digest"));
  CHECK_THAT(text_of(R"({"mediaType":1,"size":1,"digest":"sha256:0"})"),
             Catch::Contains("mediaType"));
  std::string annotated = good;
  annotated.insert(1, R"("annotations":{"a":1},)");
  CHECK_THAT(text_of(annotated), Catch::Contains("annotations"));
  text_of("[]");
  text_of("");
}
