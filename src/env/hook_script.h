// The text of the hooks; hooks.h says what it is for.
#pragma once

#include <string_view>

namespace imgforge::env {

// POSIX sh: it also runs in images that have no bash.
inline constexpr std::string_view kHookScript = R"sh(#!/bin/sh
# imgforge-env-hook 1: made by 'imgforge env hook install', taken away by '--uninstall'.
hook=${0##*/}
if [ -x "$0.before-imgforge" ]; then "$0.before-imgforge" "$@" || exit; fi
for imgforge in imgforge @IMGFORGE@; do
  # The imgforge of an image is its probe, and knows no hooks.
  if "$imgforge" env hook --help >/dev/null 2>&1; then exec "$imgforge" env hook run "$hook" "$@"; fi
done

# Without imgforge: what can be seen offline, by the pin that is about to be committed.
contract=$(git show :.imgforge.yaml 2>/dev/null) || exit 0
value() {
  printf '%s\n' "$contract" | sed -n "/^pin:/,/^[^ #]/s/^ *$1: *[\"']\{0,1\}\([^ \"'#]*\).*/\1/p" | head -n 1
}
name=$(printf '%s\n' "$contract" | sed -n "s|^repository: *[\"']\{0,1\}\([^ \"'#]*\).*|\1|p" | head -n 1)
mark="[env: ${name##*/}:$(value tag)]"
if [ -z "$(value tag)" ]; then echo "imgforge: is not here, and the pin cannot be read without it" >&2; exit 0; fi
refuse() { echo "imgforge: $1" >&2; exit 1; }
case $hook in
  pre-commit)
    if [ -n "$IMGFORGE_ENV_OUTSIDE" ] || printf '%s\n' "$contract" | grep -q 'outside: *\(allow\|warn\)'; then exit 0; fi
    promise=$(sha256sum /opt/imgforge/promise.json 2>/dev/null | cut -d ' ' -f 1)
    [ "sha256:$promise" = "$(value promise)" ] ||
      refuse "this is not the pinned environment ($mark); once: IMGFORGE_ENV_OUTSIDE=1 git commit" ;;
  prepare-commit-msg)
    grep -q '\[env: auto\]' "$1" && sed "s/\[env: auto\]/$mark/" "$1" >"$1.env" && mv "$1.env" "$1"
    grep -q '\[env:' "$1" && exit 0
    if [ "$GIT_EDITOR" = : ]; then printf '\n%s\n' "$mark" >>"$1"; exit; fi  # no comments will be taken out
    { sed '/^#/,$d' "$1"; printf '\n%s\n' "$mark"; sed -n '/^#/,$p' "$1"; } >"$1.env" && mv "$1.env" "$1" ;;
  commit-msg)
    grep -v '^#' "$1" | grep -qF "$mark" || refuse "the message must say $mark" ;;
esac
)sh";

}  // namespace imgforge::env
