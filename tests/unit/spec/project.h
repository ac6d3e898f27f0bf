// A project folder of its own for one test: specs and layer definitions written as text.
#pragma once

#include <string>

#include "base/file.h"
#include "catch.h"
#include "error_text.h"
#include "spec/image_spec.h"

/// What every spec of these tests begins with; four lines.
inline const std::string kHead =
    "imgforge: 1\nimage: demo\nbuild: v1\nepoch: 2025-05-20T00:00:00Z\n";

class Project {
 public:
  Project() : folder_(REQUIRE_OK(imgforge::base::TempDir::create("/tmp", "imgforge-spec"))) {}

  void write(const std::string& file, const std::string& text) const {
    const std::string path = folder_ / file;
    REQUIRE_OK(imgforge::base::make_directories(imgforge::base::parent_path(path)));
    REQUIRE_OK(imgforge::base::write_file_atomic(path, text));
  }
  void define(const std::string& name, const std::string& text) const {
    write("layers/" + name + ".yaml", "imgforge: 1\nlayer: " + name + "\n" + text);
  }
  std::string path(const std::string& file) const { return folder_ / file; }

  imgforge::Result<imgforge::spec::ImageSpec> load(
      const std::string& text, const std::vector<std::string>& layer_paths = {}) const {
    write("specs/demo.yaml", text);
    return imgforge::spec::load_spec(path("specs/demo.yaml"), layer_paths);
  }

  /// The error of loading `text`, with the folder's own path taken out.
  std::string refusal(const std::string& text) const {
    const auto spec = load(text);
    if (spec) return "accepted";
    std::string shown = "\n" + error_text(spec.error());
    for (std::size_t at; (at = shown.find(folder_.path() + "/")) != std::string::npos;) {
      shown.erase(at, folder_.path().size() + 1);
    }
    return shown;
  }

 private:
  imgforge::base::TempDir folder_;
};
