#include "layer/image.h"

#include "kind_fixture.h"
#include "layer/image_scan.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

// Writes an OCI layout "base" with two layers; the upper one replaces, hides and empties.
constexpr const char* kMakeLayout = R"(
import gzip, hashlib, io, json, os, tarfile
os.makedirs('base/blobs/sha256')
def blob(data):
    digest = hashlib.sha256(data).hexdigest()
    open('base/blobs/sha256/' + digest, 'wb').write(data)
    return digest
def descriptor(data, media_type):
    return {'mediaType': 'application/vnd.oci.image.' + media_type,
            'digest': 'sha256:' + blob(data), 'size': len(data)}
def layer(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as t:
        for name, data in files:
            i = tarfile.TarInfo(name)
            if isinstance(data, str):
                i.type, i.linkname = tarfile.SYMTYPE, data
            else:
                i.size = len(data)
            i.mode = 0o755
            t.addfile(i, io.BytesIO(data if isinstance(data, bytes) else b''))
    tar = buffer.getvalue()
    return tar, gzip.compress(tar, mtime=0)
status = b'''Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10

Package: python3.11-minimal
Status: install ok installed
Architecture: amd64
Version: 3.11.2-6+deb12u5
'''
layers = [
    layer([('etc/os-release', '../usr/lib/os-release'),
           ('usr/lib/os-release', b'ID=debian\nVERSION_ID="11"\n'),
           ('var/lib/dpkg/status', b'Package: old\n'),
           ('usr/bin/python3.9', b'x'),
           ('usr/lib/x86_64-linux-gnu/libc-2.31.so',
            b'\x7fELF GNU C Library stable release version 2.31.\n'),
           ('usr/local/bin/python3.8', b'x')]),
    layer([('usr/lib/os-release', b'# comment\nID=debian\nVERSION_ID="12"\n'),
           ('var/lib/dpkg/status', status),
           ('usr/bin/.wh.python3.9', b''),
           ('usr/local/bin/.wh..wh..opq', b''),
           ('usr/bin/python3.11', b'x'),
           ('usr/lib/x86_64-linux-gnu/.wh.libc-2.31.so', b''),
           ('usr/lib/x86_64-linux-gnu/libc.so.6',
            b'\x7fELF GNU C Library (Debian) stable release version 2.36.\nCompiled'),
           ('opt/x', b'x' * 1000)]),
]
config = json.dumps({'architecture': 'amd64', 'os': 'linux',
    'config': {'Env': ['PATH=/usr/bin', 'LANG=C.UTF-8']},
    'rootfs': {'type': 'layers',
               'diff_ids': ['sha256:' + hashlib.sha256(t).hexdigest() for t, _ in layers]},
    'history': [{'created_by': 'first'}, {'created_by': 'nothing', 'empty_layer': True},
                {'created_by': 'second'}]}).encode()
manifest = json.dumps({'schemaVersion': 2, 'mediaType': 'application/vnd.oci.image.manifest.v1+json',
    'config': descriptor(config, 'config.v1+json'),
    'layers': [descriptor(z, 'layer.v1.tar+gzip') for _, z in layers]}).encode()
entry = descriptor(manifest, 'manifest.v1+json')
entry['annotations'] = {'org.opencontainers.image.ref.name': 'v1'}
json.dump({'schemaVersion': 2, 'manifests': [entry]}, open('base/index.json', 'w'))
json.dump({'imageLayoutVersion': '1.0.0'}, open('base/oci-layout', 'w'))
)";

constexpr const char* kYaml = "{kind: image, ref: 'oci:base:v1'}";

}  // namespace

TEST_CASE("a base image's layers are reused byte for byte, and its files say what it is") {
  KindFixture kind(decode_image);
  kind.run({"python3", "-c", kMakeLayout});
  const auto part = REQUIRE_OK(kind.lock(kYaml));
  const auto definition = REQUIRE_OK(kind.decode(kYaml));
  Facts facts;
  REQUIRE_OK(definition->contribute(part, facts));
  CHECK(facts.os_id == "debian");
  CHECK(facts.os_version == "12");
  CHECK(facts.glibc == "2.36");
  REQUIRE(facts.python.has_value());
  CHECK(facts.python->version == "3.11.2");
  CHECK(facts.python->executable == "/usr/bin/python3.11");
  CHECK(facts.dpkg_status.find("Package: libc6") == 0);
  CHECK(facts.base_env == std::vector<std::string>{"PATH=/usr/bin", "LANG=C.UTF-8"});
  CHECK(facts.find("debian") != nullptr);

  const auto recipes = REQUIRE_OK(kind.recipes(kYaml, part));
  REQUIRE(recipes.size() == 2);
  CHECK(recipes[0]->key_material() != recipes[1]->key_material());
  const auto built = REQUIRE_OK(kind.produce(*recipes[1]));
  CHECK(built.entries == 8);
  CHECK(kind.store().has_blob(built.blob.digest));

  SECTION("a store without the blobs takes them from the reference again") {
    KindFixture other(decode_image);
    other.run({"python3", "-c", kMakeLayout});
    CHECK(REQUIRE_OK(other.produce(*recipes[0])).blob.size > 0);
  }
  SECTION("a reference that now names another image is a mismatch") {
    KindFixture other(decode_image);
    std::string script = kMakeLayout;
    script.replace(script.find("'x' * 1000"), 10, "'y' * 1000");
    other.run({"python3", "-c", script});
    CHECK(complaint(other.produce(*recipes[1])).find("mismatch: oci:base:v1 is now sha256:") == 0);
  }
  SECTION("a lock for another reference is refused") {
    CHECK(complaint(kind.recipes("{kind: image, ref: 'oci:base:v2'}", part))
              .find("another base image") != std::string::npos);
  }
}

TEST_CASE("a base image for another machine, or that cannot be read, is refused") {
  KindFixture kind(decode_image);
  kind.run({"python3", "-c", kMakeLayout});
  CHECK(complaint(kind.lock("{kind: image, ref: 'oci:base:v1', platform: linux/arm64}")) !=
        "no error");
  CHECK(complaint(kind.lock("{kind: image, ref: 'oci:nowhere:v1'}")) != "no error");
  const auto registry = complaint(kind.lock("{kind: image, ref: 'registry.example/a/b:1'}"));
  CHECK(registry.find("unsupported") == 0);
  CHECK(registry.find("skopeo copy docker://registry.example/a/b:1 oci:base:latest") !=
        std::string::npos);
}

TEST_CASE("os-release is read with quotes and comments") {
  const auto values = parse_os_release("# x\nID=ubuntu\nVERSION_ID=\"20.04\"\nNAME='U b'\nbad\n");
  CHECK(values.at("ID") == "ubuntu");
  CHECK(values.at("VERSION_ID") == "20.04");
  CHECK(values.at("NAME") == "U b");
  CHECK(values.size() == 3);
}
