#include "gpu/promise.h"

#include "catch.h"

using namespace imgforge::gpu;

TEST_CASE("a promise is written as the probe reads it") {
  const Promise promise{
      .image = "pytorch-cuda",
      .tag = "pytorch2.6-cuda12.4-debian12-v2.6.0",
      .build = "v2.6.0",
      .platform = "linux/amd64",
      .created = "2025-05-20T00:00:00Z",
      .components = {{"torch", "2.6.0", {{"cuda", "12.4"}}}, {"debian", "12", {}}},
      .driver_min = "525.60.13",
      .cuda_driver_min = "12.0",
      .sm = {"80", "90"},
      .ptx = {},
      .python_prefix = "/opt/venv",
      .site_packages = "/opt/venv/lib/python3.11/site-packages",
      .libraries = {{"libcudnn.so.9", "/opt/venv/libcudnn.so.9", "9.1.0.70"}},
      .reproduce = "imgforge reproduce REF"};
  CHECK(to_json(promise) == R"({
  "build": "v2.6.0",
  "components": [
    {
      "cuda": "12.4",
      "name": "torch",
      "version": "2.6.0"
    },
    {
      "name": "debian",
      "version": "12"
    }
  ],
  "created": "2025-05-20T00:00:00Z",
  "gpu": {
    "cuda_driver_min": "12.0",
    "driver_min": "525.60.13",
    "ptx": [],
    "sm": [
      "80",
      "90"
    ]
  },
  "image": "pytorch-cuda",
  "libraries": [
    {
      "path": "/opt/venv/libcudnn.so.9",
      "soname": "libcudnn.so.9",
      "version": "9.1.0.70"
    }
  ],
  "platform": "linux/amd64",
  "promise": 1,
  "python": {
    "prefix": "/opt/venv",
    "site_packages": "/opt/venv/lib/python3.11/site-packages"
  },
  "reproduce": "imgforge reproduce REF",
  "tag": "pytorch2.6-cuda12.4-debian12-v2.6.0"
}
)");
}

TEST_CASE("what is not promised is left out") {
  CHECK(to_json({.image = "tiny"}) == R"({
  "components": [],
  "image": "tiny",
  "promise": 1
}
)");
}

TEST_CASE("determinism is promised where the image has it, and only there") {
  Promise promise;
  CHECK(to_json(promise).find("determinism") == std::string::npos);
  promise.determinism = Promise::Determinism{.module = "imgforge_determinism",
                                             .environment = {{"PYTHONHASHSEED", "42"}}};
  CHECK(to_json(promise).find(R"("determinism": {
    "environment": {
      "PYTHONHASHSEED": "42"
    },
    "module": "imgforge_determinism"
  })") != std::string::npos);
}
