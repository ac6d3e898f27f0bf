#!/usr/bin/env python3
"""A signed package archive of tiny packages, made with Debian's own tools.

    make_archive.py DIR

DIR/debian                 suites: stable (signed with key.gpg), other (signed with other.gpg),
                           unsigned (no signature)
DIR/key.gpg, key.asc       the archive's key; DIR/fingerprint holds its fingerprint
DIR/other.gpg              another key
"""
import gzip
import os
import shutil
import subprocess
import sys

PACKAGES = [
    # name, version, fields
    ("tiny-base", "1:1.0+x~1", ["Essential: yes", "Priority: required"]),
    ("apt", "9.9", ["Depends: tiny-base"]),
    ("hello", "1.0", []),
    ("hello", "2.0", []),
    ("needs-hello", "1.0", ["Depends: hello (>= 1.0)"]),
    ("broken", "1.0", ["Depends: not-in-any-archive"]),
]


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw).stdout


def package(root, name, version, fields):
    tree = os.path.join(root, "tree")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree + "/DEBIAN")
    os.makedirs(tree + "/usr/share/" + name)
    with open(tree + "/usr/share/" + name + "/version", "w") as f:
        f.write(version + "\n")
    with open(tree + "/DEBIAN/control", "w") as f:
        f.write("\n".join([f"Package: {name}", f"Version: {version}", "Architecture: amd64",
                           "Maintainer: nobody <nobody@archive.example>", *fields,
                           "Description: a test\n over two lines"]) + "\n")
    pool = f"{root}/debian/pool/main/{name[0]}/{name}"
    os.makedirs(pool, exist_ok=True)
    run("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree,
        f"{pool}/{name}_{version.split(':')[-1]}_amd64.deb")


def key(root, name):
    home = f"{root}/gnupg-{name}"
    os.makedirs(home, mode=0o700)
    env = dict(os.environ, GNUPGHOME=home)
    run("gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-gen-key",
        f"{name} <{name}@archive.example>", "rsa2048", "sign", "never", env=env)
    with open(f"{root}/{name}.gpg", "wb") as f:
        f.write(run("gpg", "--export", env=env))
    with open(f"{root}/{name}.asc", "wb") as f:
        f.write(run("gpg", "--armor", "--export", env=env))
    listing = run("gpg", "--with-colons", "--list-keys", env=env).decode()
    fingerprint = next(l.split(":")[9] for l in listing.splitlines() if l.startswith("fpr:"))
    return env, fingerprint


def main():
    root = os.path.abspath(sys.argv[1])
    for entry in PACKAGES:
        package(root, *entry)
    shutil.rmtree(root + "/tree")
    archive = root + "/debian"
    env, fingerprint = key(root, "key")
    other_env, _ = key(root, "other")
    with open(root + "/fingerprint", "w") as f:
        f.write(fingerprint)
    index = run("apt-ftparchive", "packages", "pool", cwd=archive)
    for suite, signer in (("stable", env), ("other", other_env), ("unsigned", None)):
        folder = f"{archive}/dists/{suite}"
        os.makedirs(folder + "/main/binary-amd64")
        with open(folder + "/main/binary-amd64/Packages", "wb") as f:
            f.write(index)
        with gzip.open(folder + "/main/binary-amd64/Packages.gz", "wb") as f:
            f.write(index)
        release = run("apt-ftparchive", "-o", "APT::FTPArchive::Release::Origin=Test",
                      "-o", f"APT::FTPArchive::Release::Suite={suite}",
                      "-o", f"APT::FTPArchive::Release::Codename={suite}",
                      "-o", "APT::FTPArchive::Release::Architectures=amd64",
                      "-o", "APT::FTPArchive::Release::Components=main", "release", folder)
        with open(folder + "/Release", "wb") as f:
            f.write(release)
        if signer:
            run("gpg", "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", "",
                "--clearsign", "-o", folder + "/InRelease", folder + "/Release", env=signer)
    for home in ("key", "other"):
        subprocess.run(["gpgconf", "--kill", "all"], check=False,
                       env=dict(os.environ, GNUPGHOME=f"{root}/gnupg-{home}"))
        shutil.rmtree(f"{root}/gnupg-{home}", ignore_errors=True)


if __name__ == "__main__":
    main()
