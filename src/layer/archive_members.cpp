#include "layer/archive_members.h"

#include <algorithm>

namespace imgforge::layer {

using archive::EntryType;
using archive::TarEntry;

/// A content that waited in memory; frees it when read.
class ArchiveMembers::Held final : public base::Source {
 public:
  explicit Held(Member& member)
      : bytes_(std::move(member.held)), share_(std::move(member.share)), rest_(bytes_) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    const std::size_t n = std::min(buffer.size(), rest_.size());
    std::copy_n(rest_.begin(), n, buffer.begin());
    rest_ = rest_.subspan(n);
    return n;
  }

 private:
  std::vector<std::byte> bytes_;
  base::Allowance::Share share_;
  base::Bytes rest_;
};

/// The current member of the stream: valid until the next content of the same place is opened.
class ArchiveMembers::Streamed final : public base::Source {
 public:
  explicit Streamed(std::shared_ptr<ArchiveMembers> from) : from_(std::move(from)) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    if (!from_->stream_) return fail(Errc::internal, "a content was read out of its turn");
    return base::with_context(from_->stream_->reader().content().read(buffer),
                              "unpacking " + from_->name_);
  }

 private:
  std::shared_ptr<ArchiveMembers> from_;
};

class ArchiveMembers::Spilled final : public base::Source {
 public:
  Spilled(std::shared_ptr<base::File> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), range_(*file_, offset, size) {}
  Result<std::size_t> read(base::MutableBytes buffer) override { return range_.read(buffer); }

 private:
  std::shared_ptr<base::File> file_;
  base::RangeSource range_;
};

Result<> ReadingPlace::using_stream(ArchiveMembers& archive) {
  closed(archive);
  if (open_.size() >= kOpenStreams) TRY(open_.front()->close_stream());
  open_.push_back(&archive);
  return {};
}

void ReadingPlace::closed(const ArchiveMembers& archive) { std::erase(open_, &archive); }

std::shared_ptr<ArchiveMembers> ArchiveMembers::create(ReadingPlace& place, std::string name,
                                                       archive::OpenTar open) {
  return std::shared_ptr<ArchiveMembers>(
      new ArchiveMembers(place, std::move(name), std::move(open)));
}

ArchiveMembers::~ArchiveMembers() {
  if (stream_) place_.closed(*this);
}

Result<> ArchiveMembers::index(const Visit& visit, std::stop_token stop) {
  // Not the place's: several archives are indexed at once.
  const std::string frame = "unpacking " + name_;
  stream_ = TRY(base::with_context(open_(), frame));
  const auto pass = [&]() -> Result<> {
    for (;;) {
      if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
      auto entry = TRY(base::with_context(stream_->reader().next(), frame));
      if (!entry) return {};
      const std::size_t index = members_.size();
      members_.push_back({.size = entry->type == EntryType::file ? entry->size : 0});
      members_[index].wanted = TRY(visit(
          *std::move(entry), [self = shared_from_this(), index] { return self->content(index); }));
      Member& member = members_[index];
      if (member.wanted && member.size <= kSmall) TRY(base::with_context(hold(member), frame));
    }
  };
  auto done = pass();
  stream_.reset();
  return done;
}

Result<std::unique_ptr<base::Source>> ArchiveMembers::content(std::size_t index) {
  Member& member = members_[index];
  if (!member.waits()) {
    if (stream_ && next_ > index) TRY(close_stream());
    // Closing may have put it aside.
    if (!member.waits()) {
      if (!stream_) TRY(open_stream());
      TRY(place_.using_stream(*this));
      TRY(advance_to(index));
      member.wanted = false;
      return std::make_unique<Streamed>(shared_from_this());
    }
  }
  member.wanted = false;
  if (member.spilled) return std::make_unique<Spilled>(scratch_, member.offset, member.size);
  return std::make_unique<Held>(member);
}

Result<> ArchiveMembers::open_stream() {
  stream_ = TRY(base::with_context(open_(), "unpacking " + name_));
  next_ = 0;
  ++passes_;
  return {};
}

Result<> ArchiveMembers::close_stream() {
  // There will be no further pass: everything that is still to come is taken now.
  Result<> rest;
  if (last_pass() && misses(next_)) rest = advance_to(members_.size());
  stream_.reset();
  place_.closed(*this);
  return rest;
}

bool ArchiveMembers::misses(std::size_t from) const {
  return std::any_of(members_.begin() + static_cast<std::ptrdiff_t>(from), members_.end(),
                     [](const Member& member) { return member.wanted && !member.waits(); });
}

Result<> ArchiveMembers::advance_to(std::size_t index) {
  const std::string frame = "unpacking " + name_;
  while (next_ <= index && next_ < members_.size()) {
    const auto entry = TRY(base::with_context(stream_->reader().next(), frame));
    Member& member = members_[next_];
    const std::uint64_t size = entry && entry->type == EntryType::file ? entry->size : 0;
    if (!entry || size != member.size) {
      return fail(Errc::io, name_ + " changed while it was read");
    }
    const bool passed_over = next_ < index;
    ++next_;
    if (passed_over && member.wanted && !member.waits()) {
      TRY(base::with_context(put_aside(member), frame));
    }
  }
  return {};
}

Result<> ArchiveMembers::put_aside(Member& member) {
  if (TRY(hold(member)) || !last_pass()) return {};
  return spill(member);
}

Result<bool> ArchiveMembers::hold(Member& member) {
  member.share = place_.memory_.take(member.size);
  if (!member.share) return false;
  member.held.resize(member.size);
  base::MutableBytes rest = member.held;
  while (!rest.empty()) {
    const std::size_t n = TRY(stream_->reader().content().read(rest));
    if (n == 0) return fail(Errc::invalid, "a content ends early");
    rest = rest.subspan(n);
  }
  return true;
}

Result<> ArchiveMembers::spill(Member& member) {
  if (!scratch_) {
    // Without a name: gone with the last content.
    auto folder = TRY(base::TempDir::create(place_.scratch_, "members"));
    scratch_ = std::make_shared<base::File>(TRY(base::File::create(folder / "contents", 0600)));
  }
  const std::uint64_t size = TRY(base::copy(stream_->reader().content(), *scratch_));
  if (size != member.size) return fail(Errc::invalid, "a content ends early");
  member.spilled = true;
  member.offset = scratch_end_;
  scratch_end_ += size;
  place_.spilled_ += size;
  return {};
}

}  // namespace imgforge::layer
