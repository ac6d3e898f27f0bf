#include "document/node.h"

namespace imgforge::document {

struct Node::Data {
  Kind kind = Kind::null;
  bool quoted = false;
  Location where;
  std::string text;
  std::vector<Node> items;
  std::vector<std::pair<Node, Node>> entries;
};

Node::Node()
    : data_([] {
        static const auto kNowhere = std::make_shared<const Data>();
        return kNowhere;
      }()) {}

Node::Node(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

Node Node::null(Location where) {
  auto data = std::make_shared<Data>();
  data->where = std::move(where);
  return Node(std::move(data));
}

Node Node::scalar(std::string text, Location where, bool quoted) {
  auto data = std::make_shared<Data>();
  data->kind = Kind::scalar;
  data->quoted = quoted;
  data->where = std::move(where);
  data->text = std::move(text);
  return Node(std::move(data));
}

Node Node::sequence(std::vector<Node> items, Location where) {
  auto data = std::make_shared<Data>();
  data->kind = Kind::sequence;
  data->where = std::move(where);
  data->items = std::move(items);
  return Node(std::move(data));
}

Node Node::map(std::vector<std::pair<Node, Node>> entries, Location where) {
  auto data = std::make_shared<Data>();
  data->kind = Kind::map;
  data->where = std::move(where);
  data->entries = std::move(entries);
  return Node(std::move(data));
}

Node::Kind Node::kind() const { return data_->kind; }
const std::string& Node::text() const { return data_->text; }
bool Node::quoted() const { return data_->quoted; }
std::span<const Node> Node::items() const { return data_->items; }
std::span<const std::pair<Node, Node>> Node::entries() const { return data_->entries; }
const Location& Node::where() const { return data_->where; }

std::optional<Node> Node::find(std::string_view key) const {
  for (const auto& [name, value] : data_->entries) {
    if (name.text() == key) return value;
  }
  return std::nullopt;
}

Error Node::error(std::string message) const {
  return Error(Errc::invalid, std::move(message)).at(data_->where);
}

}  // namespace imgforge::document
