#include "sign/trust_policy.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "document/fields.h"
#include "sign/statement.h"

namespace imgforge::sign {
namespace {

using document::Fields;
using document::Node;

constexpr std::size_t kMaximumBytes = 1 << 20;
constexpr const char* kVersion = "1";

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

// An error of something named in the policy, at its place there.
Error at(const Node& node, const Error& error) {
  return Error(error.code(), error.summary()).at(node.where()).hint(error.hint());
}

template <class T>
Result<T> placed(Result<T> result, const Node& node) {
  if (!result) return fail(at(node, result.error()));
  return result;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

class Reader {
 public:
  explicit Reader(const ReadNamedFile& read) : read_(read) {}

  Result<TrustPolicy> read(const Node& root) {
    Fields fields(root, "the trust policy");
    if (fields.text("trust") != kVersion && fields.has("trust")) {
      fields.reject("trust", "this imgforge reads trust policies of version 1 only",
                    "write trust: 1, or use a newer imgforge");
    }
    const auto keys = fields.optional_node("keys");
    const auto authorities = fields.optional_node("authorities");
    const std::vector<Node> rules = fields.maps_or_empty("repositories");
    TRY(fields.finish());
    if (keys) TRY(read_keys(*keys));
    if (authorities) TRY(read_authorities(*authorities));
    if (rules.empty()) {
      return fail(root.error("the trust policy has no rule for any repository")
                      .hint("add repositories: [{match: [\"host/project/**\"], signatures: ...}]"));
    }
    for (const Node& rule : rules) TRY(read_rule(rule));
    return std::move(policy_);
  }

 private:
  Result<> add_name(const Node& name) {
    if (!name.is_scalar() || !is_name(name.text())) {
      return fail(name.error("a name of a key or authority has letters, digits, '.', '_' and '-'"));
    }
    if (!names_.insert(name.text()).second) {
      return fail(name.error("the name " + quote(name.text()) + " is taken already"));
    }
    return {};
  }

  // PEM text in the policy itself, or of the file it names.
  Result<std::string> pem(const Node& node) {
    if (!node.is_scalar()) return fail(node.error("a file name or PEM text must stand here"));
    if (node.text().find("-----BEGIN ") != std::string::npos) return node.text();
    return placed(read_(node.text()), node);
  }

  static std::string name_of(const Node& pem) {
    return pem.text().find("-----BEGIN ") == std::string::npos ? pem.text() : "the PEM text";
  }

  Result<> read_keys(const Node& map) {
    if (!map.is_map()) return fail(map.error("keys must be a map from names to public keys"));
    for (const auto& [name, value] : map.entries()) {
      TRY(add_name(name));
      const std::string text = TRY(pem(value));
      VerificationKey key = TRY(placed(VerificationKey::parse(text, name_of(value)), value));
      TrustedKey trusted{name.text(), std::move(key)};
      for (const TrustedKey& other : policy_.roots.keys) {
        if (other.key == trusted.key) {
          return fail(value.error("this is the same key as " + quote(other.name))
                          .hint("one key under two names would count as two signers"));
        }
      }
      policy_.roots.keys.push_back(std::move(trusted));
    }
    return {};
  }

  Result<> read_authorities(const Node& map) {
    if (!map.is_map()) return fail(map.error("authorities must be a map from names to their maps"));
    for (const auto& [name, value] : map.entries()) {
      TRY(add_name(name));
      TrustedAuthority authority{name.text(), {}, {}};
      Fields fields(value, "the authority " + quote(name.text()));
      const Node certificates = fields.node("certificates");
      const auto subjects = fields.optional_node("subjects");
      TRY(fields.finish());
      const std::string text = TRY(pem(certificates));
      authority.certificates =
          TRY(placed(parse_certificates(text, name_of(certificates)), certificates));
      if (subjects) authority.subjects = TRY(read_subjects(*subjects, authority));
      policy_.roots.authorities.push_back(std::move(authority));
    }
    return {};
  }

  static Result<std::vector<std::string>> read_subjects(const Node& list,
                                                        const TrustedAuthority& authority) {
    if (!list.is_sequence()) return fail(list.error("subjects must be a list"));
    std::vector<std::string> subjects;
    for (const Node& item : list.items()) {
      if (!item.is_scalar()) return fail(item.error("a subject is a text like C=US, O=Example"));
      // Only the grammar is of interest here.
      TRY(placed(subject_matches(authority.certificates.front(), item.text()), item));
      subjects.push_back(item.text());
    }
    if (subjects.empty()) {
      return fail(list.error("an empty list of subjects trusts nobody")
                      .hint("leave it out to trust every subject of this authority"));
    }
    return subjects;
  }

  Result<> read_rule(const Node& node) {
    RepositoryRule rule;
    rule.where = node.where();
    Fields fields(node, "the rule");
    const Node match = fields.node("match");
    rule.accept_unsigned = fields.flag_or("accept_unsigned", false);
    const std::vector<Node> signatures = fields.maps_or_empty("signatures");
    const std::vector<Node> attestations = fields.maps_or_empty("attestations");
    TRY(fields.finish());
    if (catches_all_) {
      return fail(node.error("no repository comes to this rule: one above matches everything")
                      .hint("the first rule that matches decides; put \"**\" last"));
    }
    rule.match = TRY(read_match(match));
    for (const Node& item : signatures) rule.signatures.push_back(TRY(read_signature(item)));
    for (const Node& item : attestations) rule.attestations.push_back(TRY(read_attestation(item)));
    if (rule.signatures.empty() && !rule.accept_unsigned) {
      return fail(node.error("the rule demands no signature")
                      .hint("say who must sign (signatures: [{by: [NAME]}]), or write "
                            "accept_unsigned: true"));
    }
    if (!rule.signatures.empty() && rule.accept_unsigned) {
      return fail(node.error("the rule demands signatures and accepts images without any"));
    }
    policy_.rules.push_back(std::move(rule));
    return {};
  }

  Result<std::vector<std::string>> read_match(const Node& list) {
    if (!list.is_sequence() || list.items().empty()) {
      return fail(list.error("match must be a list of patterns like host/project/**"));
    }
    std::vector<std::string> patterns;
    for (const Node& item : list.items()) {
      const std::string text = item.is_scalar() ? item.text() : "";
      const std::size_t slash = text.rfind('/');
      if (text.empty() || text.find_first_of(" \t@") != std::string::npos ||
          (slash != std::string::npos && text.find(':', slash) != std::string::npos)) {
        return fail(
            item.error("this is no pattern of repositories: host/path, without tag and "
                       "digest"));
      }
      if (text.find('/') == std::string::npos && text.find("**") == std::string::npos) {
        return fail(item.error("the pattern " + quote(text) + " has no host and matches nothing")
                        .hint("write the host too: harbor.example/" + text));
      }
      catches_all_ = catches_all_ || text == "**";
      patterns.push_back(text);
    }
    return patterns;
  }

  Result<std::vector<std::string>> read_by(const Node& list) {
    if (!list.is_sequence() || list.items().empty()) {
      return fail(list.error("by must be a list of names of keys and authorities"));
    }
    std::vector<std::string> names;
    for (const Node& item : list.items()) {
      const std::string name = item.is_scalar() ? item.text() : "";
      if (!names_.contains(name)) {
        const std::vector<std::string_view> known(names_.begin(), names_.end());
        const auto near = base::nearest(name, known);
        return fail(item.error("no key or authority is called " + quote(name))
                        .hint(near ? "did you mean " + *near + "?"
                                   : "name it under keys: or authorities:"));
      }
      if (std::find(names.begin(), names.end(), name) != names.end()) {
        return fail(item.error(quote(name) + " stands here twice"));
      }
      names.push_back(name);
    }
    return names;
  }

  Result<SignatureDemand> read_signature(const Node& node) {
    SignatureDemand demand;
    Fields fields(node, "the signature");
    const Node by = fields.node("by");
    const std::int64_t at_least = fields.integer_or("at_least", 1);
    const auto formats = fields.optional_node("formats");
    demand.annotations = fields.text_map_or_empty("annotations");
    TRY(fields.finish());
    demand.by = TRY(read_by(by));
    if (formats) demand.formats = TRY(read_formats(*formats));
    const auto possible =
        std::count_if(demand.by.begin(), demand.by.end(),
                      [&](const std::string& name) { return can_sign_as(name, demand.formats); });
    if (at_least < 1 || at_least > possible) {
      return fail(Error(Errc::invalid, "at_least is " + std::to_string(at_least) + ", and " +
                                           std::to_string(possible) +
                                           " of those in \"by\" can sign in an accepted format")
                      .at(fields.where("at_least"))
                      .hint("keys sign as legacy and bundle, authorities as notation"));
    }
    demand.at_least = static_cast<int>(at_least);
    return demand;
  }

  bool can_sign_as(const std::string& name, const std::vector<Format>& formats) const {
    if (formats.empty()) return true;
    const bool is_key = std::any_of(policy_.roots.keys.begin(), policy_.roots.keys.end(),
                                    [&](const TrustedKey& key) { return key.name == name; });
    return std::any_of(formats.begin(), formats.end(),
                       [&](Format format) { return is_key == (format != Format::notation); });
  }

  static Result<std::vector<Format>> read_formats(const Node& list) {
    if (!list.is_sequence() || list.items().empty()) {
      return fail(list.error("formats must be a list: legacy, bundle, notation"));
    }
    std::vector<Format> formats;
    for (const Node& item : list.items()) {
      formats.push_back(TRY(placed(parse_format(item.is_scalar() ? item.text() : ""), item)));
    }
    return formats;
  }

  Result<AttestationDemand> read_attestation(const Node& node) {
    Fields fields(node, "the attestation");
    const Node type = fields.node("type");
    const Node by = fields.node("by");
    AttestationDemand demand;
    demand.required = fields.flag_or("required", true);
    TRY(fields.finish());
    demand.predicate_type =
        TRY(placed(predicate_type_of(type.is_scalar() ? type.text() : ""), type));
    demand.by = TRY(read_by(by));
    return demand;
  }

  const ReadNamedFile& read_;
  TrustPolicy policy_;
  std::set<std::string> names_;
  bool catches_all_ = false;
};

}  // namespace

Result<TrustPolicy> parse_trust_policy(std::string_view yaml, const std::string& file,
                                       const ReadNamedFile& read) {
  return Reader(read).read(TRY(document::parse_yaml(yaml, file)));
}

Result<TrustPolicy> load_trust_policy(const std::string& file) {
  const std::string text = TRY(base::read_file(file, kMaximumBytes));
  const std::string folder = base::parent_path(file);
  return parse_trust_policy(text, file, [&](const std::string& path) {
    return base::read_file(base::join_path(folder, path), kMaximumBytes);
  });
}

}  // namespace imgforge::sign
