#include "spec/read_document.h"

#include <algorithm>

#include "base/file.h"
#include "document/secrets.h"

namespace imgforge::spec {

using document::Node;

namespace {

constexpr std::size_t kMaximumBytes = 4 << 20;

// Maps in which a key names a setting: there "password: x" is a secret whatever x looks like.
bool holds_settings(const std::string& key) {
  return key == "env" || key == "labels" || key == "with";
}

Result<> refuse_secrets(const Node& node, const std::string& name, bool is_setting) {
  if (node.is_scalar()) {
    const auto what = document::looks_like_secret(is_setting ? name : "", node.text());
    if (!what) return {};
    Location where = node.where();
    where.text.clear();  // the line would repeat the secret in every log
    return fail(
        Error(Errc::refused,
              (name.empty() ? "a value" : "the value of \"" + name + "\"") + " looks like " + *what)
            .at(std::move(where))
            .hint("everybody who can pull an image can read its configuration: give secrets "
                  "to the container when it runs; revoke it if it is real"));
  }
  for (const Node& item : node.items()) TRY(refuse_secrets(item, name, is_setting));
  for (const auto& [key, value] : node.entries()) {
    TRY(refuse_secrets(value, key.text(), holds_settings(name)));
  }
  return {};
}

}  // namespace

Result<Node> read_document(const std::string& file) {
  const std::string text = TRY(base::read_file(file, kMaximumBytes));
  Node root = TRY(document::parse_yaml(text, file));
  TRY(refuse_secrets(root, "", false));
  return root;
}

void check_format_version(document::Fields& fields) {
  if (fields.text("imgforge") == "1" || !fields.has("imgforge")) return;
  fields.reject("imgforge", "this imgforge reads format 1 only",
                "write imgforge: 1, or use a newer imgforge");
}

}  // namespace imgforge::spec
