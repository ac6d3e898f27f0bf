#include "release/catalogue_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "release/catalogue_style.h"

namespace imgforge::release {
namespace {

using base::human_bytes;

// As many colours as people tell apart; every other shared layer has the last one.
constexpr std::size_t kColours = 8;
constexpr double kBarWidth = 1000;

struct SharedLayer {
  CatalogueLayer layer;
  std::size_t images = 0;
};

std::string e(std::string_view text) { return escape_html(text); }

std::string shortened(const std::string& digest) {
  return digest.starts_with("sha256:") ? digest.substr(0, 19) : digest;
}

std::string name_of(const CatalogueLayer& layer) {
  if (!layer.title.empty()) return layer.title;
  return layer.id.empty() ? shortened(layer.digest) : layer.id;
}

std::string day(const std::string& time) { return time.substr(0, 10); }

// Layers of several images, what they save first.
std::vector<SharedLayer> shared_layers(const Catalogue& catalogue) {
  std::map<std::string, SharedLayer> found;
  for (const CatalogueImage& image : catalogue.images) {
    std::set<std::string> own;
    for (const CatalogueLayer& layer : image.layers) {
      if (!own.insert(layer.digest).second) continue;
      auto& shared = found.try_emplace(layer.digest, SharedLayer{layer, 0}).first->second;
      ++shared.images;
    }
  }
  std::vector<SharedLayer> out;
  for (auto& [digest, shared] : found) {
    if (shared.images > 1) out.push_back(std::move(shared));
  }
  std::sort(out.begin(), out.end(), [](const SharedLayer& a, const SharedLayer& b) {
    const auto saved = [](const SharedLayer& one) { return one.layer.size * (one.images - 1); };
    if (saved(a) != saved(b)) return saved(a) > saved(b);
    return a.layer.digest < b.layer.digest;
  });
  return out;
}

class Page {
 public:
  Page(const Catalogue& catalogue, const std::string& title)
      : catalogue_(catalogue), title_(title), shared_(shared_layers(catalogue)) {
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      colour_[shared_[i].layer.digest] = std::min(i, kColours - 1);
    }
    for (const CatalogueImage& image : catalogue.images) {
      std::uint64_t sum = 0;
      for (const CatalogueLayer& layer : image.layers) sum += layer.size;
      widest_ = std::max(widest_, sum);
    }
  }

  std::string text() {
    out_ = fmt::format(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n"
        "<style>{1}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#images\">To the "
        "images</a>\n"
        "<header>\n<h1>{0}</h1>\n",
        e(title_), kCatalogueStyle);
    summary();
    out_ += "</header>\n<main>\n";
    attention();
    channels();
    picture();
    images();
    lineage();
    gaps();
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void stat(const std::string& value, std::string_view what) {
    out_ += fmt::format("<div><dd>{}</dd><dt>{}</dt></div>\n", e(value), e(what));
  }

  void summary() {
    const CatalogueSizes sizes = sizes_of(catalogue_);
    std::set<std::string> channels;
    for (const CatalogueImage& image : catalogue_.images) {
      for (const std::string& channel : image.channels)
        channels.insert(image.repository + ":" + channel);
    }
    out_ += "<dl class=\"stats\">\n";
    stat(std::to_string(catalogue_.images.size()), "images");
    if (!channels.empty()) stat(std::to_string(channels.size()), "channels");
    stat(std::to_string(sizes.layers), "different layers");
    stat(human_bytes(sizes.stored), "stored");
    stat(human_bytes(sizes.counted - sizes.stored), "saved by sharing");
    out_ += "</dl>\n";
  }

  std::string anchor(const CatalogueImage& image) const {
    for (std::size_t i = 0; i < catalogue_.images.size(); ++i) {
      if (&catalogue_.images[i] == &image) return fmt::format("image-{}", i + 1);
    }
    return "images";
  }

  static std::string title_of(const CatalogueImage& image) {
    return image.tag.empty() ? shortened(image.digest) : image.tag;
  }

  std::string link(const CatalogueImage& image) const {
    return fmt::format("<a href=\"#{}\">{}</a>", anchor(image), e(title_of(image)));
  }

  void attention() {
    std::size_t count = 0;
    std::string rows;
    for (const CatalogueImage& image : catalogue_.images) {
      for (const CatalogueNote& note : image.notes) {
        if (note.severity == "info") continue;
        ++count;
        rows += fmt::format("<li><span class=\"mark {}\">{}</span> {}: {}{}</li>\n",
                            e(note.severity), e(note.severity), link(image), e(note.sentence),
                            note.remedy.empty() ? "" : " <em>" + e(note.remedy) + "</em>");
      }
    }
    if (count == 0) return;
    out_ += fmt::format(
        "<section aria-labelledby=\"attention\"><h2 id=\"attention\">Needs attention</h2>\n<ul "
        "class=\"notes\">\n{}</ul></section>\n",
        rows);
  }

  static std::string probe_mark(const CatalogueImage& image) {
    if (image.probes.empty()) return "<span class=\"mark info\">no report</span>";
    std::string out;
    for (const CatalogueProbe& probe : image.probes) {
      out += fmt::format("<span class=\"mark {}\">{} {}</span> ", probe.passed ? "good" : "error",
                         probe.passed ? "passed" : "failed",
                         e(probe.gpu.empty() ? "no GPU" : probe.gpu));
    }
    return out;
  }

  void channels() {
    std::vector<std::pair<std::string, const CatalogueImage*>> rows;
    for (const CatalogueImage& image : catalogue_.images) {
      for (const std::string& channel : image.channels) rows.emplace_back(channel, &image);
    }
    if (rows.empty()) return;
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    out_ +=
        "<section aria-labelledby=\"channels\"><h2 id=\"channels\">Channels</h2>\n<div "
        "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"channels\"><table>\n"
        "<thead><tr><th scope=\"col\">Channel</th><th scope=\"col\">Image</th>";
    std::set<std::string> repositories;
    for (const CatalogueImage& image : catalogue_.images) repositories.insert(image.repository);
    const bool several = repositories.size() > 1;
    if (several) out_ += "<th scope=\"col\">Repository</th>";
    out_ +=
        "<th scope=\"col\">Signed by</th><th scope=\"col\">On a GPU</th></tr></thead>\n<tbody>\n";
    for (const auto& [channel, image] : rows) {
      out_ += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", e(channel), link(*image));
      if (several) out_ += "<td>" + e(image->repository) + "</td>";
      out_ +=
          fmt::format("<td>{}</td><td>{}</td></tr>\n",
                      image->signers.empty() ? "nobody known" : e(base::join(image->signers, ", ")),
                      probe_mark(*image));
    }
    out_ += "</tbody></table></div></section>\n";
  }

  // One bar per image on a common scale; what images share has the same colour in all of them.
  void picture() {
    if (widest_ == 0) return;
    out_ +=
        "<section aria-labelledby=\"layers\"><h2 id=\"layers\">Sizes and shared layers</h2>\n"
        "<p>A bar is an image, a piece of it a layer. The same colour is the same layer, stored "
        "and pulled once. "
        "Grey layers belong to one image.</p>\n<div class=\"bars\">\n";
    for (const CatalogueImage& image : catalogue_.images) {
      std::uint64_t total = 0, shared = 0;
      for (const CatalogueLayer& layer : image.layers) {
        total += layer.size;
        if (colour_.contains(layer.digest)) shared += layer.size;
      }
      out_ += fmt::format("<div class=\"bar\"><span>{}</span><span class=\"size\">{}</span>\n",
                          link(image), human_bytes(total));
      out_ += fmt::format(
          "<svg viewBox=\"0 0 {0} 24\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{1}: "
          "{2} in {3} layers, {4} of it shared\">",
          kBarWidth, e(title_of(image)), human_bytes(total), image.layers.size(),
          human_bytes(shared));
      double x = 0;
      for (const CatalogueLayer& layer : image.layers) {
        const double width =
            kBarWidth * static_cast<double>(layer.size) / static_cast<double>(widest_);
        const auto colour = colour_.find(layer.digest);
        out_ += fmt::format(
            "<rect class=\"{}\" x=\"{:.2f}\" y=\"0\" width=\"{:.2f}\" height=\"24\"><title>{}: "
            "{}</title></rect>",
            colour != colour_.end() ? fmt::format("c{}", colour->second) : "own", x, width,
            e(name_of(layer)), human_bytes(layer.size));
        x += width;
      }
      out_ += "</svg></div>\n";
    }
    out_ += "</div>\n";
    if (!shared_.empty()) legend();
    out_ += "</section>\n";
  }

  void legend() {
    out_ +=
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Shared "
        "layers\"><table>\n<caption>Shared layers, what sharing saves first</caption>\n"
        "<thead><tr><th scope=\"col\">Layer</th><th scope=\"col\" class=\"n\">Size</th><th "
        "scope=\"col\" class=\"n\">Images</th><th scope=\"col\" "
        "class=\"n\">Saves</th></tr></thead>\n<tbody>\n";
    constexpr std::size_t kShown = 24;
    for (std::size_t i = 0; i < std::min(shared_.size(), kShown); ++i) {
      const SharedLayer& one = shared_[i];
      out_ += fmt::format(
          "<tr><th scope=\"row\"><svg class=\"key\" viewBox=\"0 0 10 10\" "
          "aria-hidden=\"true\"><rect class=\"c{}\" width=\"10\" height=\"10\"/></svg> {}</th>"
          "<td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>\n",
          std::min(i, kColours - 1), e(name_of(one.layer)), human_bytes(one.layer.size), one.images,
          human_bytes(one.layer.size * (one.images - 1)));
    }
    out_ += "</tbody></table></div>\n";
    if (shared_.size() > kShown)
      out_ += fmt::format("<p>And {} smaller ones.</p>\n", shared_.size() - kShown);
  }

  void images() {
    out_ +=
        "<section aria-labelledby=\"images\"><h2 id=\"images\">Images</h2>\n<div "
        "class=\"cards\">\n";
    for (const CatalogueImage& image : catalogue_.images) card(image);
    out_ += "</div></section>\n";
  }

  void row(std::string_view name, const std::string& html) {
    if (!html.empty()) out_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html);
  }

  void card(const CatalogueImage& image) {
    out_ += fmt::format(
        "<article id=\"{}\">\n<h3>{}</h3>\n<p class=\"where\">{}<br><code>{}</code></p>\n",
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
    row("Size", fmt::format("{} in {} layers", human_bytes(image.bytes), image.layers.size()));
    row("Signed by", e(base::join(image.signers, ", ")));
    std::string probes;
    for (const CatalogueProbe& probe : image.probes) {
      probes += fmt::format(
          "<p><span class=\"mark {}\">{}</span> {}{}{}{}: {}</p>", probe.passed ? "good" : "error",
          probe.passed ? "passed" : "failed", e(probe.gpu.empty() ? "no GPU" : probe.gpu),
          probe.compute_capability.empty() ? "" : " (" + e(probe.compute_capability) + ")",
          probe.driver.empty() ? "" : ", driver " + e(probe.driver),
          probe.at.empty() ? "" : ", " + e(day(probe.at)), e(probe.sentence));
    }
    row("On a GPU", probes);
    std::string notes;
    for (const CatalogueNote& note : image.notes) {
      notes += fmt::format("<p><span class=\"mark {0}\">{0}</span> {1}</p>", e(note.severity),
                           e(note.sentence));
    }
    row("Notes", notes);
    out_ += "</dl>\n";
    if (!image.labels.empty()) {
      out_ += fmt::format("<details><summary>{} labels</summary><dl class=\"facts\">\n",
                          image.labels.size());
      for (const auto& [name, value] : image.labels)
        row(e(name), value.empty() ? "(empty)" : e(value));
      out_ += "</dl></details>\n";
    }
    if (!image.layers.empty()) {
      out_ += fmt::format("<details><summary>{} layers</summary><ol class=\"layers\">\n",
                          image.layers.size());
      for (const CatalogueLayer& layer : image.layers) {
        out_ +=
            fmt::format("<li>{} <span class=\"size\">{}{}</span></li>\n", e(name_of(layer)),
                        human_bytes(layer.size), colour_.contains(layer.digest) ? ", shared" : "");
      }
      out_ += "</ol></details>\n";
    }
    out_ += "</article>\n";
  }

  void lineage() {
    if (catalogue_.moves.empty()) return;
    out_ +=
        "<section aria-labelledby=\"lineage\"><h2 id=\"lineage\">What happened to the "
        "channels</h2>\n";
    std::string open;
    for (const CatalogueMove& move : catalogue_.moves) {
      const std::string channel = move.repository + ":" + move.channel;
      if (channel != open) {
        if (!open.empty()) out_ += "</ol>\n";
        out_ += fmt::format("<h3>{}</h3>\n<ol class=\"moves\">\n", e(channel));
        open = channel;
      }
      out_ += fmt::format(
          "<li><time datetime=\"{0}\">{1}</time> {2} <b>{3}</b> by {4}{5}{6}</li>\n", e(move.at),
          e(day(move.at)), move.action == "rollback" ? "back to" : "promoted to",
          e(move.tag.empty() ? shortened(move.digest) : move.tag),
          e(move.actor.empty() ? "somebody" : move.actor),
          move.reason.empty() ? "" : ": " + e(move.reason),
          move.trusted ? "" : " <span class=\"mark warning\">not signed by a trusted key</span>");
    }
    out_ += "</ol></section>\n";
  }

  void gaps() {
    if (catalogue_.gaps.empty()) return;
    out_ +=
        "<section aria-labelledby=\"gaps\"><h2 id=\"gaps\">Cells without an image</h2>\n<div "
        "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"gaps\"><table>\n"
        "<thead><tr><th scope=\"col\">Cell</th><th scope=\"col\">Stands</th><th "
        "scope=\"col\">Why</th></tr></thead>\n<tbody>\n";
    for (const CatalogueGap& gap : catalogue_.gaps) {
      out_ += fmt::format(
          "<tr><th scope=\"row\">{}</th><td><span class=\"mark "
          "{}\">{}</span></td><td>{}</td></tr>\n",
          e(gap.cell), gap.standing == "failed" ? "error" : "info", e(gap.standing), e(gap.reason));
    }
    out_ += "</tbody></table></div></section>\n";
  }

  const Catalogue& catalogue_;
  const std::string& title_;
  std::vector<SharedLayer> shared_;
  std::map<std::string, std::size_t> colour_;  // digest of a shared layer -> colour
  std::uint64_t widest_ = 0;
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
