# Sourced by scripts that fetch a package from the non-free component of the Debian archive that this
# machine already uses. The machine's configuration is not touched and nothing is installed: a private
# apt root with its own list, state and cache. Signatures are checked as always. The caller defines
# die() and say().

# Where the machine fetches the Debian release it runs, without what the machine's list says of
# components: printed as "URI SUITE".
debian_archive() {
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [ -n "$codename" ] || die "/etc/os-release names no release"
    apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' \
        'Created-By: Packages' |
        awk -F'|' -v suite="$codename" '
            ($1 == "Debian" || $1 == "") && $3 == suite && $4 == "main" { print $2, $3; exit }'
}

# nonfree_open ROOT: makes the private root and reads the component's index.
nonfree_open() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        die "this needs apt"
    archive=$(debian_archive)
    [ -n "$archive" ] || die "this machine's apt names no Debian archive"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || die "no $keyring: install debian-archive-keyring"

    root=$1
    mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/none"
    : >"$root/status"
    echo "deb [signed-by=$keyring] $archive non-free" >"$root/sources.list"
    cat >"$root/apt.conf" <<CONF
Dir::Etc::SourceList "$root/sources.list";
Dir::Etc::SourceParts "$root/none";
Dir::Etc::Preferences "$root/none/preferences";
Dir::Etc::PreferencesParts "$root/none";
Dir::State::Lists "$root/lists";
Dir::State::status "$root/status";
Dir::Cache "$root/cache";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
APT::Update::Error-Mode "any";
CONF
    say "reading the non-free component of the Debian archive"
    APT_CONFIG=$root/apt.conf apt-get -qq update ||
        die "the archive's non-free component cannot be read"
}

# nonfree_download ROOT PACKAGE...: into the current folder.
nonfree_download() {
    root=$1
    shift
    APT_CONFIG=$root/apt.conf apt-get -qq download "$@"
}
