// The mark of an environment in a commit message: found, put in, taken out. A mark counts at two
// places: at the end of the subject, after a blank ("Fix the loader [env: pytorch-cuda:v2.6]"), and
// as a line of its own anywhere below. In the middle of a sentence it is prose. Works on bytes of
// any kind; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "env/annotation.h"

namespace imgforge::env {

/// In a template for `commit.template`: the place where the prepare-commit-msg hook puts the mark.
inline constexpr std::string_view kPlaceholder = "[env: auto]";

/// nullopt: there is no mark. Errc::invalid: a mark that cannot be read, a placeholder that nobody
/// filled in, or two marks that say different things.
Result<std::optional<Annotation>> read_annotation(std::string_view message);
/// Whether there is a mark, readable or not; a placeholder is none.
bool has_mark(std::string_view message);

/// The message with this mark and no other. The first mark or placeholder is replaced where it
/// stands; without one the mark becomes a paragraph before the trailers
/// (git-interpret-trailers(1)), and an empty message keeps its first line free for the subject.
/// `comment`: what lines begin with that git will take out ("#"); empty where there are none.
std::string with_annotation(std::string_view message, const Annotation& annotation,
                            std::string_view comment);

/// Whether the message is empty but for marks and trailers: nothing that anybody wrote. Takes a
/// message without comments.
bool is_blank(std::string_view message);

}  // namespace imgforge::env
