#include "archive/tar_stream.h"

namespace imgforge::archive {

Result<std::unique_ptr<TarStream>> TarStream::open(std::unique_ptr<base::Source> source,
                                                   ReadLimits limits) {
  auto reader = TRY(TarReader::open(*source, limits));
  return std::unique_ptr<TarStream>(new TarStream(std::move(source), std::move(reader)));
}

}  // namespace imgforge::archive
