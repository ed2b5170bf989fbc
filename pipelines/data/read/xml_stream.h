// XmlStream: XML in pieces to calls, over expat. No document type, no entities but XML's own, bounded depth.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::data::read {

class XmlStream {
 public:
  using Attributes = std::map<std::string_view, std::string_view>;  // by name without prefix
  struct Calls {
    std::function<void(std::string_view name, const Attributes&)> start;  // names without prefix
    std::function<void(std::string_view name)> end;
    std::function<void(std::string_view text)> text;  // in pieces
  };
  explicit XmlStream(Calls calls);
  ~XmlStream();
  XmlStream(const XmlStream&) = delete;
  XmlStream& operator=(const XmlStream&) = delete;

  // kInvalidArgument: not XML, with the line.
  [[nodiscard]] Result<void> feed(std::string_view bytes, bool is_last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace luthier::data::read
