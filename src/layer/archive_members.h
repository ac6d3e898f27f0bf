// The files of an archive that can be read from front to back only, for a layer that wants them in
// another order, without a second copy of them on disk and in bounded memory.
//
// A first pass sees every header, and small contents stay in memory. Then each content is read out
// of the archive when its turn comes; what lies on the way and is still wanted stays in memory
// while the allowance lasts, and comes with another pass otherwise. Most archives are nearly in the
// layer's order, so that one more pass is all. Only an archive in a very different order, after
// kPasses, has what is left put into a scratch file.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "archive/tar_stream.h"
#include "base/allowance.h"
#include "base/file.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

class ArchiveMembers;

/// What the archives of one layer share. Single-threaded, except where index() says so.
class ReadingPlace {
 public:
  /// Borrows `memory`; `scratch` is an existing folder.
  ReadingPlace(base::Allowance& memory, std::string scratch)
      : memory_(memory), scratch_(std::move(scratch)) {}

  /// Bytes that had to go through a scratch file.
  std::uint64_t spilled_bytes() const { return spilled_; }

 private:
  friend class ArchiveMembers;
  /// A decompressor takes 8 MiB, or 64 for archives packed with xz -9.
  static constexpr std::size_t kOpenStreams = 3;

  /// Puts `archive` last in line; closes another one's stream where there are too many.
  Result<> using_stream(ArchiveMembers& archive);
  void closed(const ArchiveMembers& archive);

  base::Allowance& memory_;
  std::string scratch_;
  std::vector<ArchiveMembers*> open_;  // the one used longest ago first
  std::uint64_t spilled_ = 0;
};

class ArchiveMembers : public std::enable_shared_from_this<ArchiveMembers> {
 public:
  /// Passes over the archive after the first, before a scratch file is used.
  static constexpr int kPasses = 3;
  /// A content of this size waits in memory from the first pass on, if there is room.
  static constexpr std::uint64_t kSmall = 256 * 1024;

  /// Borrows `place`, which must outlive the contents that were opened. `name` is for errors.
  static std::shared_ptr<ArchiveMembers> create(ReadingPlace& place, std::string name,
                                                archive::OpenTar open);
  ~ArchiveMembers();
  ArchiveMembers(const ArchiveMembers&) = delete;
  ArchiveMembers& operator=(const ArchiveMembers&) = delete;

  const std::string& name() const { return name_; }

  /// Called for each member in the archive's order; `content` is to be used for a file with
  /// content that is taken, and is true when it was. Different archives of one place may be indexed
  /// at the same time.
  using Visit = std::function<Result<bool>(archive::TarEntry entry, TreeEntries::Open content)>;
  Result<> index(const Visit& visit, std::stop_token stop);

 private:
  class Held;
  class Streamed;
  class Spilled;
  struct Member {
    std::uint64_t size = 0;
    bool wanted = false;
    std::vector<std::byte> held;  // `size` bytes when it waits in memory
    base::Allowance::Share share;
    std::uint64_t offset = 0;  // in the scratch file, when `spilled`
    bool spilled = false;
    bool waits() const { return spilled || held.size() == size; }
  };
  friend class ReadingPlace;

  ArchiveMembers(ReadingPlace& place, std::string name, archive::OpenTar open)
      : place_(place), name_(std::move(name)), open_(std::move(open)) {}

  Result<std::unique_ptr<base::Source>> content(std::size_t index);
  Result<> open_stream();
  Result<> close_stream();
  /// Reads headers until member `index` is the current one; puts aside what lies between.
  Result<> advance_to(std::size_t index);
  Result<> put_aside(Member& member);
  Result<bool> hold(Member& member);
  Result<> spill(Member& member);
  bool last_pass() const { return passes_ >= kPasses; }
  /// A wanted content at `from` or after it is not at hand yet.
  bool misses(std::size_t from) const;

  ReadingPlace& place_;
  std::string name_;
  archive::OpenTar open_;
  std::vector<Member> members_;  // in the archive's order
  std::unique_ptr<archive::TarStream> stream_;
  std::size_t next_ = 0;  // the member whose header the stream gives next
  int passes_ = 0;        // begun after the first
  std::shared_ptr<base::File> scratch_;
  std::uint64_t scratch_end_ = 0;
};

}  // namespace imgforge::layer
