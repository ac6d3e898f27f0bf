// A tar reader that owns what it reads: one pass over an archive, to be opened again for another.
#pragma once

#include <functional>
#include <memory>

#include "archive/tar_reader.h"

namespace imgforge::archive {

class TarStream {
 public:
  static Result<std::unique_ptr<TarStream>> open(std::unique_ptr<base::Source> source,
                                                 ReadLimits limits = {});

  TarReader& reader() { return reader_; }

 private:
  TarStream(std::unique_ptr<base::Source> source, TarReader reader)
      : source_(std::move(source)), reader_(std::move(reader)) {}

  std::unique_ptr<base::Source> source_;  // reader_ borrows it
  TarReader reader_;
};

/// Gives the archive from its beginning, however often it is asked.
using OpenTar = std::function<Result<std::unique_ptr<TarStream>>()>;

}  // namespace imgforge::archive
