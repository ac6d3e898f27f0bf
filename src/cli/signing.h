// Writes signatures and attestations of an image into its repository, once each.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/app.h"
#include "release/repository.h"
#include "sign/verify.h"

namespace imgforge::cli {

/// One signature or attestation in one format.
struct Written {
  sign::Format format = sign::Format::legacy;
  std::string what;      // "signature", or the predicate type
  std::string signer;    // the key, as it was named
  bool already = false;  // it was there, and nothing was sent
};
/// "signed with cosign.key as bundle", "the signature … is there already (bundle)".
std::string sentence(const Written& written);

/// In the order of `formats`. `annotations` are signed. Already there is a signature by this key in
/// this format with these annotations.
Result<std::vector<Written>> sign_in_formats(App& app, release::Repository& repository,
                                             const oci::Descriptor& image,
                                             const std::map<std::string, std::string>& annotations,
                                             const std::vector<sign::Format>& formats);

/// Whether a statement that is there (canonical JSON) says the same.
using SamePredicate = std::function<bool(const std::string& there)>;

/// The same for a statement; notation has none: Errc::usage when it is the only format, else it is
/// passed over. Already there is one by this key for which `same` holds; without it, one with this
/// very predicate.
Result<std::vector<Written>> attest_in_formats(App& app, release::Repository& repository,
                                               const oci::Descriptor& image,
                                               const std::string& predicate_type,
                                               const std::string& predicate,
                                               const std::vector<sign::Format>& formats,
                                               const SamePredicate& same = {});

}  // namespace imgforge::cli
