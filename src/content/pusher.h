// Blobs on their way to a target while later ones are still being made: offered one by one from any
// thread, moved by threads of their own, each digest once. Documents follow when all blobs are
// there, tags when all documents are: nothing is ever published by halves.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "content/ends.h"

namespace imgforge::content {

struct Counted {
  std::uint64_t blobs = 0, bytes = 0;
  bool operator==(const Counted&) const = default;
};
/// What became of the blobs that were offered.
struct Moved {
  Counted sent, mounted, there;
  bool operator==(const Moved&) const = default;
};

class Pusher {
 public:
  /// A blob on its way costs up to 2 MiB: more at once would cost more memory than they bring.
  static constexpr std::size_t kMostParallel = 32;

  struct Options {
    std::string verb = "push";  // for the progress
    std::string subject;        // before each blob's short digest there; empty: the target's name
    std::size_t parallel = 6;   // blobs at once; at most kMostParallel
    /// Repositories of the target's registry that may have blobs, beside the origin itself.
    std::vector<std::string> mount_from;
  };
  /// Borrows all of them.
  Pusher(Origin& origin, Target& target, Options options, base::Progress& progress,
         std::stop_token stop);
  /// Ends what is still under way.
  ~Pusher();
  Pusher(const Pusher&) = delete;
  Pusher& operator=(const Pusher&) = delete;

  /// From any thread; returns at once. After a failure it does nothing: settle() reports.
  void offer(const oci::Descriptor& blob);
  /// Waits until all blobs offered so far are there; the first Error otherwise.
  Result<> settle();
  /// Offers what the documents name and was not offered, waits, puts the documents (children
  /// first; the last is the root), then points the tags at the root.
  Result<> publish(const std::vector<Document>& documents, const std::vector<std::string>& tags);
  Moved moved() const;

 private:
  struct State;
  Result<> put(const Document& document, const std::string* tag);
  std::unique_ptr<State> state_;
};

}  // namespace imgforge::content
