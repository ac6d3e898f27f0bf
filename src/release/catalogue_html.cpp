#include "release/catalogue_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/text.h"
#include "release/catalogue_style.h"

namespace imgforge::release {
namespace {

using base::human_bytes;

// As many colours as people tell apart; every other shared layer has the last one.
constexpr std::size_t kColours = 7;
constexpr double kBarWidth = 1000;
// The newest moves of a channel and the layers of a group that are named at once.
constexpr std::size_t kMovesShown = 5, kNamesShown = 4;

std::string e(std::string_view text) { return escape_html(text); }

std::string shortened(const std::string& digest) {
  return digest.starts_with("sha256:") ? digest.substr(0, 19) : digest;
}

std::string name_of(const CatalogueLayer& layer) {
  if (!layer.title.empty()) return layer.title;
  return layer.id.empty() ? shortened(layer.digest) : layer.id;
}

std::string day(const std::string& time) { return time.substr(0, 10); }

std::string mark(std::string_view look, std::string_view html) {
  return fmt::format("<span class=\"mark {}\">{}</span>", look, html);
}

std::string look_of(const std::string& severity) {
  return severity == "error" || severity == "warning" ? severity : "info";
}

std::string counted(std::size_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

// The head of a column; numbers stand to the right.
struct Column {
  std::string_view title;
  bool number = false;
};

class Page {
 public:
  Page(const Catalogue& catalogue, const std::string& title)
      : catalogue_(catalogue), title_(title), shared_(shared_layers(catalogue)) {
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      for (const CatalogueLayer& layer : shared_[i].layers)
        colour_[layer.digest] = std::min(i, kColours);
    }
    for (const CatalogueImage& image : catalogue.images) {
      std::uint64_t sum = 0;
      for (const CatalogueLayer& layer : image.layers) sum += layer.size;
      widest_ = std::max(widest_, sum);
      several_ = several_ || image.repository != catalogue.images.front().repository;
    }
  }

  std::string text() {
    attention();
    channels();
    lineage();
    gpus();
    picture();
    images();
    gaps();
    std::string navigation;
    for (const auto& [id, title] : sections_)
      navigation += fmt::format("<li><a href=\"#{}\">{}</a></li>", id, title);
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n"
        "<style>{1}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#images\">To the "
        "images</a>\n<header>\n<h1>{0}</h1>\n{2}<nav aria-label=\"On this "
        "page\"><ul>{3}</ul></nav>\n"
        "</header>\n<main>\n{4}</main>\n</body>\n</html>\n",
        e(title_), kCatalogueStyle, summary(), navigation, out_);
  }

 private:
  // A section with its heading; what follows belongs to it until close().
  void open(const std::string& id, const std::string& title) {
    sections_.emplace_back(id, title);
    out_ += fmt::format("<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2>\n", id, title);
  }
  void close() { out_ += "</section>\n"; }

  // Rows of HTML; the first column names the row. On a phone a row is a block with named lines, and
  // the roles say that it still is a table.
  void table(const std::string& label, const std::vector<Column>& columns,
             const std::vector<std::vector<std::string>>& rows) {
    out_ += fmt::format(
        "<table role=\"table\" aria-label=\"{}\">\n<thead role=\"rowgroup\"><tr role=\"row\">",
        label);
    for (const Column& column : columns) {
      out_ += fmt::format("<th role=\"columnheader\" scope=\"col\"{}>{}</th>",
                          column.number ? " class=\"n\"" : "", column.title);
    }
    out_ += "</tr></thead>\n<tbody role=\"rowgroup\">\n";
    for (const std::vector<std::string>& row : rows) {
      out_ += fmt::format("<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">{}</th>", row[0]);
      for (std::size_t i = 1; i < row.size(); ++i) {
        out_ += fmt::format("<td role=\"cell\" data-label=\"{}\"{}>{}</td>", columns[i].title,
                            columns[i].number ? " class=\"n\"" : "", row[i]);
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table>\n";
  }

  std::string summary() const {
    const CatalogueSizes sizes = sizes_of(catalogue_);
    std::set<std::string> channels;
    for (const CatalogueImage& image : catalogue_.images) {
      for (const std::string& channel : image.channels)
        channels.insert(image.repository + ":" + channel);
    }
    std::string out = "<dl class=\"stats\">\n";
    const auto stat = [&](const std::string& value, std::string_view what) {
      out += fmt::format("<div><dd>{}</dd><dt>{}</dt></div>\n", value, what);
    };
    const auto number = [&](std::size_t count, std::string_view one, std::string_view many) {
      stat(std::to_string(count), count == 1 ? one : many);
    };
    number(catalogue_.images.size(), "image", "images");
    if (!channels.empty()) number(channels.size(), "channel", "channels");
    number(sizes.layers, "different layer", "different layers");
    stat(human_bytes(sizes.stored), "stored");
    stat(human_bytes(sizes.counted - sizes.stored), "saved by sharing");
    return out + "</dl>\n";
  }

  std::string anchor(const CatalogueImage& image) const {
    return fmt::format("image-{}", &image - catalogue_.images.data() + 1);
  }

  std::string title_of(const CatalogueImage& image) const {
    const std::string name = image.tag.empty() ? shortened(image.digest) : image.tag;
    if (!several_) return name;
    return image.repository.substr(image.repository.rfind('/') + 1) + ":" + name;
  }

  std::string link(const CatalogueImage& image) const {
    return fmt::format("<a href=\"#{}\">{}</a>", anchor(image), e(title_of(image)));
  }

  // What several images have in common is said once; errors stand first.
  void attention() {
    using Said = std::tuple<bool, std::string, std::string, std::string>;
    std::map<Said, std::vector<std::string>> notes;
    for (const CatalogueImage& image : catalogue_.images) {
      for (const CatalogueNote& note : image.notes) {
        if (note.severity == "info") continue;
        notes[{note.severity != "error", note.severity, note.sentence, note.remedy}].push_back(
            link(image));
      }
    }
    if (notes.empty()) return;
    open("attention", "Needs attention");
    out_ += "<ul class=\"notes\">\n";
    for (const auto& [said, links] : notes) {
      const auto& [order, severity, sentence, remedy] = said;
      out_ += fmt::format("<li>{} {}{}<div class=\"of\">{}: {}</div></li>\n",
                          mark(look_of(severity), e(severity)), e(sentence),
                          remedy.empty() ? "" : ". <em>" + e(remedy) + "</em>",
                          counted(links.size(), "image", "images"), base::join(links, ", "));
    }
    out_ += "</ul>";
    close();
  }

  static std::string gpu_of(const CatalogueProbe& probe) {
    return probe.gpu.empty() ? "no GPU" : probe.gpu;
  }

  static std::string result_of(const CatalogueProbe& probe) {
    return mark(probe.passed ? "good" : "error", probe.passed ? "passed" : "failed");
  }

  void channels() {
    std::vector<std::pair<std::string, const CatalogueImage*>> found;
    for (const CatalogueImage& image : catalogue_.images) {
      for (const std::string& channel : image.channels) found.emplace_back(channel, &image);
    }
    if (found.empty()) return;
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::vector<std::string>> rows;
    for (const auto& [channel, image] : found) {
      std::string probes;
      for (const CatalogueProbe& probe : image->probes)
        probes += fmt::format("<div>{} {}</div>", result_of(probe), e(gpu_of(probe)));
      rows.push_back({e(channel), link(*image),
                      image->signers.empty() ? mark("warning", "nobody known")
                                             : e(base::join(image->signers, ", ")),
                      probes.empty() ? mark("info", "no report") : probes});
      if (several_) rows.back().insert(rows.back().begin() + 2, e(image->repository));
    }
    std::vector<Column> columns = {{"Channel"}, {"Image"}, {"Signed by"}, {"On a GPU"}};
    if (several_) columns.insert(columns.begin() + 2, {"Repository"});
    open("channels", "Channels");
    table("Channels", columns, rows);
    close();
  }

  void lineage() {
    if (catalogue_.moves.empty()) return;
    open("lineage", "What happened to the channels");
    for (std::size_t i = 0; i < catalogue_.moves.size();) {
      const std::string channel = channel_of(catalogue_.moves[i]);
      std::size_t end = i;
      while (end < catalogue_.moves.size() && channel_of(catalogue_.moves[end]) == channel) ++end;
      const std::size_t shown = std::min(end, i + kMovesShown);
      out_ += fmt::format("<h3>{}</h3>\n", e(channel));
      moves(i, shown);
      if (shown < end) {
        out_ += fmt::format("<details><summary>{} older</summary>\n", end - shown);
        moves(shown, end);
        out_ += "</details>\n";
      }
      i = end;
    }
    close();
  }

  static std::string channel_of(const CatalogueMove& move) {
    return move.repository + ":" + move.channel;
  }

  void moves(std::size_t begin, std::size_t end) {
    out_ += "<ol class=\"moves\">\n";
    for (std::size_t i = begin; i < end; ++i) {
      const CatalogueMove& move = catalogue_.moves[i];
      std::string image = "<b>" + e(move.tag.empty() ? shortened(move.digest) : move.tag) + "</b>";
      for (const CatalogueImage& one : catalogue_.images) {
        if (one.repository == move.repository && one.digest == move.digest) image = link(one);
      }
      out_ += fmt::format("<li><time datetime=\"{}\">{}</time><span>{} {} by {}{}{}</span></li>\n",
                          e(move.at), e(day(move.at)),
                          move.action == "rollback" ? mark("warning", "back to") : "promoted to",
                          image, e(move.actor.empty() ? "somebody" : move.actor),
                          move.reason.empty() ? "" : ": " + e(move.reason),
                          move.trusted ? "" : " " + mark("warning", "not signed by a trusted key"));
    }
    out_ += "</ol>\n";
  }

  // What each kind of GPU ran, and what failed on it.
  void gpus() {
    struct Seen {
      std::set<std::string> drivers;
      std::vector<std::string> passed, failed;
    };
    std::map<std::string, Seen> found;
    std::size_t without = 0;
    for (const CatalogueImage& image : catalogue_.images) {
      without += image.probes.empty() ? 1 : 0;
      for (const CatalogueProbe& probe : image.probes) {
        Seen& seen = found[e(gpu_of(probe)) + (probe.compute_capability.empty()
                                                   ? ""
                                                   : " (" + e(probe.compute_capability) + ")")];
        if (!probe.driver.empty()) seen.drivers.insert(e(probe.driver));
        (probe.passed ? seen.passed : seen.failed).push_back(link(image));
      }
    }
    if (found.empty()) return;
    const auto listed = [](std::string_view look, const std::vector<std::string>& links) {
      if (links.empty()) return std::string("none");
      return mark(look, std::to_string(links.size())) + " " + base::join(links, ", ");
    };
    std::vector<std::vector<std::string>> rows;
    for (const auto& [gpu, seen] : found) {
      rows.push_back({gpu, base::join({seen.drivers.begin(), seen.drivers.end()}, ", "),
                      listed("good", seen.passed), listed("error", seen.failed)});
    }
    open("gpus", "Probe reports by GPU");
    table("Probe reports by GPU", {{"GPU"}, {"Driver"}, {"Passed"}, {"Failed"}}, rows);
    if (without > 0) {
      out_ += fmt::format("<p class=\"dim\">{} without a report that counts.</p>\n",
                          counted(without, "image", "images"));
    }
    close();
  }

  // One bar per image on a common scale; layers of the same images have the same colour.
  void picture() {
    if (widest_ == 0) return;
    open("layers", "Sizes and shared layers");
    out_ +=
        "<p>A bar is an image, a piece of it a layer. What the same images share has one colour, "
        "and is stored and pulled once.</p>\n<p class=\"keys\">";
    if (shared_.size() > kColours) out_ += key("more") + " shared in other ways ";
    out_ += key("own") + " of this image alone</p>\n<div class=\"bars\">\n";
    for (const CatalogueImage& image : catalogue_.images) bar(image);
    out_ += "</div>\n";
    if (!shared_.empty()) legend();
    close();
  }

  static std::string key(const std::string& look) {
    return fmt::format(
        "<svg class=\"key\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"{}\" "
        "width=\"10\" height=\"10\"/></svg>",
        look);
  }

  static std::string look_of_group(std::size_t group) {
    return group < kColours ? fmt::format("c{}", group) : "more";
  }

  void bar(const CatalogueImage& image) {
    std::uint64_t total = 0, shared = 0;
    for (const CatalogueLayer& layer : image.layers) {
      total += layer.size;
      if (colour_.contains(layer.digest)) shared += layer.size;
    }
    out_ += fmt::format(
        "<div class=\"bar\"><span class=\"name\">{0}</span><span class=\"size\">{3}</span>\n"
        "<svg viewBox=\"0 0 {1} 24\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{2}: "
        "{3} in {4}, {5} of it shared\">",
        link(image), kBarWidth, e(title_of(image)), human_bytes(total),
        counted(image.layers.size(), "layer", "layers"), human_bytes(shared));
    double x = 0;
    for (const CatalogueLayer& layer : image.layers) {
      const double width =
          kBarWidth * static_cast<double>(layer.size) / static_cast<double>(widest_);
      const auto colour = colour_.find(layer.digest);
      out_ += fmt::format(
          "<rect class=\"{}\" x=\"{:.2f}\" y=\"0\" width=\"{:.2f}\" height=\"24\"><title>{}: "
          "{}</title></rect>",
          colour == colour_.end() ? "own" : look_of_group(colour->second), x, width,
          e(name_of(layer)), human_bytes(layer.size));
      x += width;
    }
    out_ += "</svg></div>\n";
  }

  void legend() {
    constexpr std::size_t kShown = 16;
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < std::min(shared_.size(), kShown); ++i) {
      const LayerGroup& group = shared_[i];
      std::vector<std::string> names;
      for (const CatalogueLayer& layer : group.layers) {
        if (names.size() == kNamesShown) break;
        names.push_back(e(name_of(layer)));
      }
      const std::size_t more = group.layers.size() - names.size();
      rows.push_back({key(look_of_group(i)) + " " + base::join(names, ", ") +
                          (more > 0 ? fmt::format(" and {} more", more) : ""),
                      std::to_string(group.images), human_bytes(group.size),
                      human_bytes(group.saved())});
    }
    out_ += "<h3>What sharing saves</h3>\n";
    table("What sharing saves", {{"Layers"}, {"Images", true}, {"Size", true}, {"Saves", true}},
          rows);
    if (shared_.size() > kShown) {
      out_ += fmt::format("<p class=\"dim\">And {}.</p>\n",
                          counted(shared_.size() - kShown, "smaller one", "smaller ones"));
    }
  }

  void images() {
    open("images", "Images");
    if (catalogue_.images.empty()) {
      out_ += "<p>There are no images.</p>\n";
    } else {
      out_ += "<div class=\"cards\">\n";
      for (const CatalogueImage& image : catalogue_.images) card(image);
      out_ += "</div>\n";
    }
    close();
  }

  void row(std::string_view name, const std::string& html) {
    if (!html.empty()) out_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html);
  }

  void card(const CatalogueImage& image) {
    out_ += fmt::format(
        "<article id=\"{0}\" aria-labelledby=\"{0}-name\">\n<h3 id=\"{0}-name\">{1}</h3>\n"
        "<p class=\"where\">{2}<br><code>{3}</code></p>\n",
        anchor(image), e(title_of(image)), e(image.repository), e(image.digest));
    if (!image.components.empty()) {
      out_ += "<ul class=\"chips\">";
      for (const auto& [name, version] : image.components)
        out_ += fmt::format("<li>{} <b>{}</b></li>", e(name), e(version));
      out_ += "</ul>\n";
    }
    out_ += "<dl class=\"facts\">\n";
    row("Channels", e(base::join(image.channels, ", ")));
    row("Cell", e(image.cell));
    row("Platform", e(image.platform));
    row("Files as of", e(day(image.created)));
    row("Size", fmt::format("{} in {}", human_bytes(image.bytes),
                            counted(image.layers.size(), "layer", "layers")));
    row("Signed by", e(base::join(image.signers, ", ")));
    std::string probes;
    for (const CatalogueProbe& probe : image.probes) {
      probes += fmt::format(
          "<p>{} {}{}{}{}: {}</p>", result_of(probe), e(gpu_of(probe)),
          probe.compute_capability.empty() ? "" : " (" + e(probe.compute_capability) + ")",
          probe.driver.empty() ? "" : ", driver " + e(probe.driver),
          probe.at.empty() ? "" : ", " + e(day(probe.at)), e(probe.sentence));
    }
    row("On a GPU", probes);
    std::string notes;
    for (const CatalogueNote& note : image.notes) {
      notes += fmt::format("<p>{} {}</p>", mark(look_of(note.severity), e(note.severity)),
                           e(note.sentence));
    }
    row("Notes", notes);
    out_ += "</dl>\n";
    if (!image.labels.empty()) {
      out_ += fmt::format("<details><summary>{}</summary><dl class=\"facts\">\n",
                          counted(image.labels.size(), "label", "labels"));
      for (const auto& [name, value] : image.labels)
        row(e(name), value.empty() ? "(empty)" : e(value));
      out_ += "</dl></details>\n";
    }
    if (!image.layers.empty()) {
      out_ += fmt::format("<details><summary>{}</summary><ol class=\"layers\">\n",
                          counted(image.layers.size(), "layer", "layers"));
      for (const CatalogueLayer& layer : image.layers) {
        out_ +=
            fmt::format("<li>{} <span class=\"size\">{}{}</span></li>\n", e(name_of(layer)),
                        human_bytes(layer.size), colour_.contains(layer.digest) ? ", shared" : "");
      }
      out_ += "</ol></details>\n";
    }
    out_ += "</article>\n";
  }

  void gaps() {
    if (catalogue_.gaps.empty()) return;
    std::vector<std::vector<std::string>> rows;
    for (const CatalogueGap& gap : catalogue_.gaps) {
      rows.push_back({e(gap.cell),
                      mark(gap.standing == "failed" ? "error" : "info", e(gap.standing)),
                      e(gap.reason)});
    }
    open("gaps", "Cells without an image");
    table("Cells without an image", {{"Cell"}, {"Stands"}, {"Why"}}, rows);
    close();
  }

  const Catalogue& catalogue_;
  const std::string& title_;
  std::vector<LayerGroup> shared_;
  std::map<std::string, std::size_t> colour_;  // digest of a shared layer -> its group's colour
  std::vector<std::pair<std::string, std::string>> sections_;  // id and title
  std::uint64_t widest_ = 0;
  bool several_ = false;  // repositories
  std::string out_;
};

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        const bool forbidden = (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f;
        out += forbidden ? "\xEF\xBF\xBD" : std::string(1, c);
      }
    }
  }
  return out;
}

std::string catalogue_html(const Catalogue& catalogue, const std::string& title) {
  return Page(catalogue, title).text();
}

}  // namespace imgforge::release
