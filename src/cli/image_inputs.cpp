#include "cli/image_inputs.h"

#include <fmt/format.h>

#include "base/text.h"
#include "build/assemble.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

/// "imgforge rebuild specs/app.yaml, in https://git.example/ml/app"
std::string remedy_of(const build::BuildDocuments& documents) {
  std::string text = "imgforge rebuild " + base::shell_quote(build::spec_address(documents));
  std::string_view source = documents.source;
  if (source.starts_with("git+")) source.remove_prefix(4);
  if (!source.empty()) text += fmt::format(", in {}", source);
  return text;
}

/// Layers of files of the project, and others that cannot be resolved without it.
void add_missing(const build::WithoutProject& rest, InputFindings& findings) {
  if (rest.missing.empty()) return;
  std::vector<std::string> parts;
  for (const build::MissingPath& one : rest.missing) {
    parts.push_back(fmt::format("{} ({})", one.layer, one.path));
  }
  findings.notes.push_back(
      {"info", kNotChecked,
       "layers that take files of the project, which are not beside the image: " +
           base::join(parts, ", "),
       rest.keep.empty() ? "" : "imgforge outdated SPEC, in the project, looks at them"});
}

}  // namespace

Result<InputFindings> ImageInputs::look_at(const oci::Digest& image, const std::string& name) {
  auto findings = open_and_look(image, name);
  if (findings || findings.error().code() == Errc::cancelled) return findings;
  InputFindings none;
  add(findings.error(), "inputs", name, none);
  return none;
}

Result<InputFindings> ImageInputs::open_and_look(const oci::Digest& image,
                                                 const std::string& name) {
  InputFindings findings;
  const release::RawManifest manifest = TRY(repository_.manifest(image));
  // What a spec names is asked for: of an image that is trusted, where somebody says which are.
  TRY(check_trust(manifest.descriptor));
  KeptBeside kept = TRY(look_for_kept(repository_, image));
  if (kept.documents.empty()) {
    findings.notes.push_back(
        {"info", "no-documents",
         "its inputs are not known: it was pushed without --attest or --keep-inputs",
         "imgforge build SPEC --push --attest puts spec and lock beside the next image"});
    return findings;
  }
  const AttachedDocuments attached =
      TRY(open_documents(repository_, name, manifest, kept, scratch_));
  const auto rest = TRY(build::without_project(attached.locked.spec, attached.locked.lock));
  const Looked& found = looked(rest, remedy_of(attached.documents));
  if (checks_.contains("newer")) {
    if (found.newer) {
      for (const auto& note : *found.newer) findings.notes.push_back(note);
      if (rest.keep.empty()) findings.checked.insert("newer");
    } else if (found.newer.error().code() == Errc::cancelled) {
      return fail(found.newer.error());
    } else {
      add(found.newer.error(), "newer inputs", name, findings);
    }
  }
  if (checks_.contains("lost")) {
    if (found.lost) {
      const auto notes =
          lost_notes(*found.lost, {*TRY(app_.store()), std::move(kept.inputs), name});
      for (const auto& note : notes) {
        if (note.code == kNotChecked) app_.progress().warn(name + ": " + note.sentence);
        findings.notes.push_back(note);
      }
      if (found.lost->unasked.empty()) findings.checked.insert("lost");
    } else if (found.lost.error().code() == Errc::cancelled) {
      return fail(found.lost.error());
    } else {
      add(found.lost.error(), "lost inputs", name, findings);
    }
  }
  add_missing(rest, findings);
  return findings;
}

Result<> ImageInputs::check_trust(const oci::Descriptor& image) {
  if (!has_trust(app_)) return {};
  const Judged judged = TRY(judge_image(app_, repository_, image, TRY(load_trust(app_))));
  return require_accepted(judged, repository_, image.digest);
}

const ImageInputs::Looked& ImageInputs::looked(const build::WithoutProject& rest,
                                               const std::string& remedy) {
  std::string key = rest.spec.digest + " " + build::lock_identity(rest.lock) + " " + remedy;
  for (const build::MissingPath& one : rest.missing) key += " " + one.layer;
  if (const auto known = looked_.find(key); known != looked_.end()) return known->second;
  Looked found;
  if (checks_.contains("newer")) {
    found.newer = newer_notes(app_, rest.spec, rest.lock, rest.keep, remedy);
  }
  if (checks_.contains("lost")) {
    found.lost = [&]() -> Result<LostInputs> {
      return look_for_lost(app_, TRY(build::make_plan(rest.spec, rest.lock)));
    }();
  }
  return looked_.emplace(std::move(key), std::move(found)).first->second;
}

void ImageInputs::add(const Error& error, std::string_view what, const std::string& name,
                      InputFindings& findings) {
  const std::string sentence = fmt::format("{} could not be looked for: {}", what, error.summary());
  app_.progress().warn(name + ": " + sentence);
  findings.notes.push_back(not_checked(error, sentence));
}

}  // namespace imgforge::cli
