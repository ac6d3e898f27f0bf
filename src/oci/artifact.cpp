#include "oci/artifact.h"

namespace imgforge::oci {

Descriptor describe(std::string media_type, std::string_view content) {
  return {std::move(media_type), Digest::of(content), content.size(), {}, {}, {}};
}

}  // namespace imgforge::oci
