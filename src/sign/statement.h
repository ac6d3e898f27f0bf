// In-toto statements: a claim (the predicate) about content named by digest. Source: in-toto
// attestation framework v1, spec/v1/statement.md; v0.1, which cosign still writes, is read too.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"

namespace imgforge::sign {

struct StatementSubject {
  std::string name;
  std::map<std::string, std::string> digests;  // algorithm -> hex
  std::map<std::string, std::string> annotations;
};

struct Statement {
  std::vector<StatementSubject> subjects;
  std::string predicate_type;
  std::string predicate = "{}";  // JSON of an object, canonical after parsing
};

namespace predicate_type {
/// A statement that is a cosign signature: it claims nothing but that the signer saw the image.
inline constexpr const char* kCosignSign = "https://sigstore.dev/cosign/sign/v1";
inline constexpr const char* kSlsaProvenance1 = "https://slsa.dev/provenance/v1";
inline constexpr const char* kSpdx = "https://spdx.dev/Document";
inline constexpr const char* kCycloneDx = "https://cyclonedx.org/bom";
inline constexpr const char* kVulnerabilities = "https://cosign.sigstore.dev/attestation/vuln/v1";
inline constexpr const char* kOpenVex = "https://openvex.dev/ns";
}  // namespace predicate_type

/// The URI for a short name of cosign ("slsaprovenance1", "spdxjson", "cyclonedx", "vuln",
/// "openvex"); an absolute URI stands for itself; Errc::invalid otherwise.
Result<std::string> predicate_type_of(std::string_view name);

/// Version 1, canonical. Errc::invalid when the predicate is no JSON object.
Result<std::string> to_json(const Statement& statement);
Result<Statement> parse_statement(std::string_view json);

/// The subject with that sha256; Errc::mismatch when the statement is about something else.
Result<StatementSubject> find_subject(const Statement& statement, const oci::Digest& digest);

}  // namespace imgforge::sign
