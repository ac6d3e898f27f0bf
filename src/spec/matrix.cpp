#include "spec/matrix.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "document/fields.h"
#include "spec/matrix_axes.h"
#include "spec/read_document.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

// More images than anybody looks after; it bounds what a slip in the axes can cost.
constexpr std::size_t kMaximumCells = 1024;
// With the matrix's name and a number before it, a name of a cell still fits a file's name.
constexpr std::size_t kMaximumCellName = 128;

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_matrix_name(std::string_view text) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 40 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_alnum(c) || c == '-'; });
}

bool is_cell_name(std::string_view text) {
  const auto is_alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= kMaximumCellName && is_alnum(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

/// "16000000", "500kB", "16MB", "2GB".
std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t unit = 1;
  for (const auto& [suffix, factor] : {std::pair<std::string_view, std::uint64_t>{"kB", 1'000},
                                       {"MB", 1'000'000},
                                       {"GB", 1'000'000'000}}) {
    if (!text.ends_with(suffix)) continue;
    unit = factor;
    text.remove_suffix(suffix.size());
  }
  const auto number = base::parse_uint(text);
  if (!number || *number > 1'000'000'000'000) return std::nullopt;
  return *number * unit;
}

Result<MatrixJobs> read_jobs(const Node& node) {
  Fields fields(node, "jobs");
  MatrixJobs jobs;
  jobs.options = fields.texts_or_empty("options");
  jobs.image = fields.text_or("image", "");
  jobs.claim = fields.text_or("claim", "");
  jobs.secret = fields.text_or("secret", "");
  jobs.registry_secret = fields.text_or("registry_secret", "");
  if (const auto size = fields.optional_text("share_from")) {
    const auto bytes = parse_size(*size);
    if (!bytes)
      fields.reject("share_from", quote(*size) + " is not a size", "write 16MB, 500kB or bytes");
    jobs.share_from = bytes.value_or(0);
  }
  TRY(fields.finish());
  return jobs;
}

/// What ${name} is in a cell: the axes' values, and what the values bring with them.
Bindings bindings_of(const std::vector<Axis>& axes, const std::vector<std::size_t>& choice) {
  Bindings bindings;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const AxisValue& value = axes[i].values[choice[i]];
    bindings.emplace(axes[i].name, value.node);
    for (const std::string& name : axes[i].brings) {
      const auto given = value.with.find(name);
      bindings.emplace(name,
                       given != value.with.end() ? given->second : Node::null(value.node.where()));
    }
  }
  return bindings;
}

// "torch2.6.0-cuda12.4-debian12": values that are numbers get their axis's name in front.
std::string usual_name(const MatrixCell& cell) {
  std::string name;
  for (const auto& [axis, value] : cell.position) {
    const bool number = !value.empty() && value.front() >= '0' && value.front() <= '9';
    name += (name.empty() ? "" : "-") + (number ? axis : "") + value;
  }
  return name;
}

Result<std::string> name_of(const MatrixCell& cell, const std::optional<Node>& pattern,
                            const Bindings& bindings, const Node& root) {
  std::string name = usual_name(cell);
  if (pattern) {
    const Node made = TRY(substitute(*pattern, bindings));
    if (!made.is_scalar()) return fail(pattern->error("\"cell\" must be a text"));
    name = made.text();
  }
  if (is_cell_name(name)) return name;
  const Node& place = pattern ? *pattern : root;
  return fail(place.error(quote(name) + " cannot be the name of a cell")
                  .hint("letters, digits, '.', '_' and '-': write cell: with the axes in it"));
}

// The next combination, the last axis fastest; false after the last one.
bool advance(const std::vector<Axis>& axes, std::vector<std::size_t>& choice) {
  for (std::size_t i = axes.size(); i-- > 0;) {
    if (++choice[i] < axes[i].values.size()) return true;
    choice[i] = 0;
  }
  return false;
}

Result<> expand(const std::vector<Axis>& axes, std::vector<Exclusion>& exclusions,
                const std::optional<Node>& pattern, const Node& root, const Node& spec,
                Matrix& matrix) {
  std::map<std::string, std::string> by_content;  // canonical spec -> cell
  std::vector<std::size_t> choice(axes.size(), 0);
  do {
    MatrixCell cell;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      cell.position.emplace_back(axes[i].name, axes[i].values[choice[i]].node.text());
    }
    const Bindings bindings = bindings_of(axes, choice);
    cell.name = TRY(name_of(cell, pattern, bindings, root));
    const auto same_name = [&](const MatrixCell& other) { return other.name == cell.name; };
    if (std::any_of(matrix.cells.begin(), matrix.cells.end(), same_name)) {
      return fail((pattern ? *pattern : root)
                      .error("two cells have the name " + quote(cell.name))
                      .hint("write every axis into cell:"));
    }
    for (Exclusion& exclusion : exclusions) {
      if (!matches(exclusion, cell.position)) continue;
      exclusion.used = true;
      if (cell.excluded.empty()) cell.excluded = exclusion.reason;
    }
    if (cell.excluded.empty()) {
      cell.spec = TRY(base::with_context(substitute(spec, bindings), "cell " + cell.name));
      const auto [other, fresh] = by_content.emplace(document::canonical(*cell.spec), cell.name);
      if (!fresh) {
        return fail(
            spec.error("the cells " + other->second + " and " + cell.name + " are the same image")
                .hint("use every axis in the spec, as ${AXIS}, or take it away"));
      }
    }
    matrix.cells.push_back(std::move(cell));
  } while (advance(axes, choice));
  for (const Exclusion& exclusion : exclusions) {
    if (exclusion.used) continue;
    return fail(exclusion.place.error("no cell is excluded by this")
                    .hint("take it away, or mend its values"));
  }
  return {};
}

}  // namespace

SpecAddress parse_address(const std::string& text) {
  for (const char* mark : {".yaml#", ".yml#", ".json#"}) {
    const std::size_t at = text.rfind(mark);
    if (at == std::string::npos || base::exists(text)) continue;
    const std::size_t hash = text.find('#', at);
    if (hash + 1 == text.size()) continue;
    return {text.substr(0, hash), text.substr(hash + 1)};
  }
  return {text, {}};
}

Result<Matrix> load_matrix(const std::string& file) {
  const Node root = TRY(read_document(file));
  if (root.is_map() && !root.find("matrix") && root.find("image")) {
    return fail(root.error(file + " is the spec of one image")
                    .hint("imgforge plan " + base::shell_quote(file)));
  }
  Fields fields(root, "the matrix");
  check_format_version(fields);
  Matrix matrix{.file = file, .name = fields.text("matrix"), .axes = {}, .cells = {}, .jobs = {}};
  if (fields.has("matrix") && !is_matrix_name(matrix.name)) {
    fields.reject("matrix", quote(matrix.name) + " cannot be the name of a matrix",
                  "at most 40 lower-case letters, digits and '-': it names jobs");
  }
  const Node axes_node = fields.node("axes");
  const auto exclusions_node = fields.maps_or_empty("exclude");
  const auto pattern = fields.optional_node("cell");
  const auto jobs = fields.optional_node("jobs");
  const Node spec = fields.node("spec");
  if (fields.has("spec") && !spec.is_map())
    fields.reject("spec", "\"spec\" must be a map: an image spec");
  TRY(fields.finish());

  const std::vector<Axis> axes = TRY(read_axes(axes_node));
  for (const Axis& axis : axes) matrix.axes.push_back(axis.name);
  std::size_t count = 1;
  for (const Axis& axis : axes) {
    count *= axis.values.size();
    if (count <= kMaximumCells) continue;
    return fail(
        axes_node.error("the axes make more than " + std::to_string(kMaximumCells) + " cells"));
  }
  std::vector<Exclusion> exclusions = TRY(read_exclusions(exclusions_node, axes));
  TRY(expand(axes, exclusions, pattern, root, spec, matrix));
  if (jobs) matrix.jobs = TRY(read_jobs(*jobs));
  return matrix;
}

Result<Node> load_cell(const SpecAddress& address) {
  const Matrix matrix = TRY(load_matrix(address.file));
  std::vector<std::string_view> names;
  for (const MatrixCell& cell : matrix.cells) {
    if (cell.name == address.cell) {
      if (cell.spec) return *cell.spec;
      return fail(Error(Errc::refused,
                        address.file + " excludes the cell " + cell.name + ": " + cell.excluded)
                      .hint("take the exclusion away, if it does not hold any more"));
    }
    names.push_back(cell.name);
  }
  const auto near = base::nearest(address.cell, names);
  return fail(
      Error(Errc::not_found, address.file + " has no cell " + quote(address.cell))
          .hint(near ? "did you mean " + quote(*near) + "?"
                     : "imgforge matrix " + base::shell_quote(address.file) + " lists them"));
}

}  // namespace imgforge::spec
