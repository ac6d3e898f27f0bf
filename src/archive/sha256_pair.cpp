#include "archive/sha256_pair.h"

namespace imgforge::archive {

void Sha256Pair::update(base::Bytes bytes) {
  outer_.update(bytes);
  if (inner_open_) inner_.update(bytes);
}

void Sha256Pair::begin_inner() {
  inner_.reset();
  inner_open_ = true;
}

std::string Sha256Pair::end_inner_hex() {
  inner_open_ = false;
  return inner_.finish_hex();
}

std::string Sha256Pair::finish_hex() { return outer_.finish_hex(); }

}  // namespace imgforge::archive
