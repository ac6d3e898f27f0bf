// One blob on its way up (distribution-spec v1.1.1, end-4a, 5, 6, 11, 13, 14). Private to the room.
//
// A blob goes whole (POST, PUT), or in pieces (POST, PATCH..., PUT without a body), never in both
// ways at once: Harbor counts the last request's bytes alone otherwise. Pieces can be taken up
// again as far as the server says where it is; distribution 2.8 (and so Harbor) only says so to the
// newest Location, so that a piece whose answer was lost means to begin again.
#pragma once

#include <optional>
#include <string>

#include "registry/client.h"
#include "registry/next_location.h"
#include "registry/patience.h"

namespace imgforge::registry {

// Tells the progress about each byte once, however often it is sent.
class WatchedBlob final : public base::RandomAccess {
 public:
  WatchedBlob(std::unique_ptr<base::RandomAccess> data, base::ProgressTask& task)
      : data_(std::move(data)), task_(task) {}
  std::uint64_t size() const override { return data_->size(); }
  Result<> read_at(std::uint64_t offset, base::MutableBytes buffer) const override {
    TRY(data_->read_at(offset, buffer));
    reach(offset + buffer.size());
    return {};
  }
  void reach(std::uint64_t end) const {
    if (end <= reached_) return;
    task_.advance(end - reached_);
    reached_ = end;
  }

 private:
  std::unique_ptr<base::RandomAccess> data_;
  base::ProgressTask& task_;
  mutable std::uint64_t reached_ = 0;  // one thread sends a blob
};

class Uploader {
 public:
  Uploader(Client& client, const std::string& repository, const oci::Descriptor& blob,
           const Client::OpenBlob& open, const UploadOptions& options, base::ProgressTask& task,
           std::stop_token stop);
  ~Uploader();
  Result<Client::Upload> run();

 private:
  enum class Step { done, again };

  Result<bool> mount();
  Result<bool> mount_from(const std::string& from);
  Result<> begin();
  Result<bool> take_up(const UploadJournal::Place& place);
  Result<> send_all();
  Result<Step> send_whole();
  Result<Step> send_pieces();
  Result<Step> send_piece();
  Result<Step> close();
  /// After a lost answer or a refusal: where the server is; false when it does not say. An Error
  /// that is transient: it cannot say now.
  Result<bool> ask_place();
  Result<> go_to(const http::Response& response);
  void cancel();
  void too_large(std::uint64_t size);
  Result<Step> rejected(const http::Request& request, const http::Response& response);
  Result<> check_content();
  std::uint64_t piece_size() const;
  std::optional<Access> access() const;
  Error gone() const;
  Error refusal(const http::Request& request, const http::Response& response);
  void note();
  void forget();

  Client& client_;
  const std::string& repository_;
  const oci::Descriptor& blob_;
  const Client::OpenBlob& open_;
  const UploadOptions& options_;
  base::ProgressTask& task_;
  std::stop_token stop_;
  std::string what_;
  Patience patience_;
  std::unique_ptr<WatchedBlob> data_;
  std::optional<NextLocation> place_;  // set: an upload is under way
  std::uint64_t offset_ = 0;           // what the server has of it
  bool unsure_ = false;                // a piece failed: where the server is has to be asked
  std::uint64_t furthest_ = 0;         // in any attempt
  std::uint64_t smallest_ = 0;         // OCI-Chunk-Min-Length
  int broken_whole_ = 0;
};

}  // namespace imgforge::registry
