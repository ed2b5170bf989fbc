#include "pipelines/spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "pipelines/spec/param_value.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {
namespace {

// Ends the parse early; thrown through yaml-cpp and caught in read_yaml.
struct Refused {
  Position at;
  std::string message;
};

Position position(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

int count_nodes(const YamlNode& node) {
  int count = 1;
  for (const YamlNode& item : node.items) {
    count += count_nodes(item);
  }
  for (const auto& [key, value] : node.members) {
    count += 1 + count_nodes(value);
  }
  return count;
}

int depth_of(const YamlNode& node) {
  int deepest = 0;
  for (const YamlNode& item : node.items) {
    deepest = std::max(deepest, depth_of(item));
  }
  for (const auto& [key, value] : node.members) {
    deepest = std::max(deepest, depth_of(value));
  }
  return deepest + 1;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string file_name) : file_name_(std::move(file_name)) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.at = position(mark);
    count(1, node.at);
    keep(anchor, node);
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Position at = position(mark);
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refused{at, "this alias refers to a value that contains it"};
    }
    count(count_nodes(found->second), at);
    if (static_cast<int>(open_.size()) + depth_of(found->second) > kYamlDepthMax) {
      throw Refused{at, too_deep()};
    }
    add(found->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.text = value;
    node.at = position(mark);
    check_tag(tag, node.at);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    count(1, node.at);
    keep(anchor, node);
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  YamlNode root;
  std::vector<Diagnostic> errors;

 private:
  // A container that is not closed yet.
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;
    YamlNode key;
    std::set<std::string> keys;
  };

  static std::string too_deep() { return "values are nested more than " + std::to_string(kYamlDepthMax) + " deep"; }

  void check_tag(const std::string& tag, Position at) {
    static const std::set<std::string> known{
        "", "?", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"};
    if (!known.contains(tag)) {
      errors.push_back({file_name_, at,
                        "tags such as !" + tag.substr(tag.find_last_of("!:") + 1) +
                            " are not supported; write the value without it"});
    }
  }

  void count(int nodes, Position at) {
    nodes_ += nodes;
    if (nodes_ > kYamlNodesMax) {
      throw Refused{at, "the file has more than " + std::to_string(kYamlNodesMax) +
                            " values (aliases are counted as often as they are used)"};
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    const Position at = position(mark);
    check_tag(tag, at);
    count(1, at);
    if (static_cast<int>(open_.size()) >= kYamlDepthMax) {
      throw Refused{at, too_deep()};
    }
    Open container;
    container.node.kind = kind;
    container.node.at = at;
    container.anchor = anchor;
    open_.push_back(std::move(container));
  }

  void close() {
    Open container = std::move(open_.back());
    open_.pop_back();
    keep(container.anchor, container.node);
    add(std::move(container.node));
  }

  void keep(YAML::anchor_t anchor, const YamlNode& node) {
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = node;
    }
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Open& container = open_.back();
    if (container.node.kind == YamlNode::Kind::kList) {
      container.node.items.push_back(std::move(node));
    } else if (!container.has_key) {
      take_key(container, std::move(node));
    } else {
      container.node.members.push_back({std::move(container.key), std::move(node)});
      container.has_key = false;
    }
  }

  void take_key(Open& container, YamlNode key) {
    if (key.kind != YamlNode::Kind::kScalar) {
      throw Refused{key.at, "a key must be plain text"};
    }
    if (key.text.size() > kYamlKeyBytesMax) {
      throw Refused{key.at, "a key is longer than " + std::to_string(kYamlKeyBytesMax) + " bytes"};
    }
    if (key.text == "<<" && !key.quoted) {
      errors.push_back({file_name_, key.at, "merge keys (<<) are not supported; use an alias for the whole value"});
    }
    if (!container.keys.insert(key.text).second) {
      errors.push_back({file_name_, key.at, "the key '" + key.text + "' is given twice"});
    }
    container.key = std::move(key);
    container.has_key = true;
  }

  const std::string file_name_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  int nodes_ = 0;
};

// The place of a tab in the indentation of the line that the parser gave up on, or of its neighbours: it tells of the
// first thing that no longer makes sense, which may be the line after.
Position tab_near(std::string_view text, int line) {
  std::size_t begin = 0;
  for (int number = 1; begin < text.size() && number <= line + 1; ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content = text.substr(begin, end - begin);
    const std::size_t indent = std::min(content.find_first_not_of(" \t"), content.size());
    const std::size_t tab = content.substr(0, indent).find('\t');
    if (number >= line - 1 && tab != std::string_view::npos && indent < content.size()) {
      return {number, static_cast<int>(tab) + 1};
    }
    begin = end + 1;
  }
  return {};
}

// What the parser says, and what is mostly meant by it.
std::string yaml_message(const std::string& said) {
  static const std::vector<std::pair<std::string, std::string>> remedies{
      {YAML::ErrorMsg::MAP_VALUE, "a ':' is not possible here; check the indentation, or put the text in quotes"},
      {YAML::ErrorMsg::MAP_KEY, "a key is not possible here; check the indentation"},
      {YAML::ErrorMsg::END_OF_MAP, "this line is indented differently from the keys above it"},
      {YAML::ErrorMsg::END_OF_SEQ, "this line is indented differently from the items above it"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "a { is not closed by }, or a comma is missing before this"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a [ is not closed by ], or a comma is missing before this"},
      {YAML::ErrorMsg::BLOCK_ENTRY, "a '-' is not possible here; check the indentation, or put the text in quotes"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "a quote is not closed"},
      {YAML::ErrorMsg::DOC_IN_SCALAR, "a quote is not closed before '---'"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN, "a text cannot begin with this character; put it in quotes"},
      {YAML::ErrorMsg::FLOW_END, "this bracket closes nothing"},
      {YAML::ErrorMsg::UNKNOWN_ANCHOR, "the referenced anchor is not defined"},
  };
  for (const auto& [message, remedy] : remedies) {
    if (said == message) {
      return remedy;
    }
  }
  return said;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

YamlTree read_yaml(std::string_view text, const std::string& file_name) {
  YamlTree tree;
  if (text.size() > kFileBytesMax) {
    tree.errors.push_back({file_name, {}, "the file is larger than 1 MiB"});
    return tree;
  }
  if (text.find('\0') != std::string_view::npos) {
    tree.errors.push_back({file_name, {}, "the file holds a zero byte, so it is not text"});
    return tree;
  }
  if (const std::size_t bad = find_bad_utf8(text); bad != std::string_view::npos) {
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n') + 1;
    tree.errors.push_back({file_name, {static_cast<int>(line), 1}, "this line is not UTF-8 text"});
    return tree;
  }
  TreeBuilder builder(file_name);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (is_blank(text) || !parser.HandleNextDocument(builder)) {
      tree.errors.push_back({file_name, {}, "the file is empty"});
    } else {
      tree.root = std::move(builder.root);
      TreeBuilder second(file_name);
      if (parser.HandleNextDocument(second)) {
        tree.errors.push_back({file_name, second.root.at, "a pipeline file holds one document; remove the '---'"});
      }
    }
  } catch (const Refused& refused) {
    tree.errors.push_back({file_name, refused.at, refused.message});
  } catch (const YAML::Exception& exception) {
    const Position at = position(exception.mark);
    if (const Position tab = tab_near(text, at.line); tab.line > 0) {
      tree.errors.push_back({file_name, tab, "this line is indented with a tab; YAML takes spaces only"});
    } else {
      tree.errors.push_back({file_name, at, "this is not valid YAML: " + yaml_message(exception.msg)});
    }
  } catch (const std::exception& exception) {
    tree.errors.push_back({file_name, {}, std::string("this is not valid YAML: ") + exception.what()});
  }
  tree.errors.insert(tree.errors.begin(), builder.errors.begin(), builder.errors.end());
  return tree;
}

}  // namespace luthier::spec
