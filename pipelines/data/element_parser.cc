#include "pipelines/data/element_parser.h"

#include "base/check.h"

namespace luthier::data {

using simdjson::dom::element;
using simdjson::dom::object;

ElementParser::ElementParser(std::string file) : file_(std::move(file)) {
  LUTHIER_CHECK(parser_.allocate(read::kBatchBytes, read::kJsonDepthMax) == simdjson::SUCCESS);
}

std::optional<object> ElementParser::parse_again(std::string text) {
  text_ = std::move(text);
  const std::size_t size = text_.size();
  text_.append(simdjson::SIMDJSON_PADDING, '\0');
  element value;
  object members;
  if (parser_.parse(text_.data(), size, false).get(value) != simdjson::SUCCESS ||
      value.get(members) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return members;
}

ParsedElement ElementParser::parse(const read::Batch& batch, std::size_t record) {
  const read::RawRecord& raw = batch.records[record];
  ParsedElement parsed{std::nullopt, std::nullopt, record};
  if (raw.size == 0) {
    return parsed;
  }
  const std::string_view text = batch.text_of(raw);
  const read::Origin origin{file_, raw.line, raw.column};
  element value;
  // The batch's padding, or the next record, is readable behind the text, so nothing is copied.
  if (parser_.parse(text.data(), text.size(), false).get(value) == simdjson::SUCCESS) {
    object members;
    if (value.get(members) == simdjson::SUCCESS) {
      parsed.object = members;
    } else {
      parsed.problem = read::not_an_object(text, origin);
    }
    return parsed;
  }
  read::BrokenJson broken = read::diagnose(text, origin);
  if (broken.value) {  // numbers beyond 64 bits, which simdjson does not hold: once more with what they come to
    parsed.object = parse_again(broken.value->dump());
    if (!parsed.object) {
      parsed.problem = read::Problem{
          "json_invalid", read::Severity::kError, file_, raw.line, raw.column, "a number that no format can hold"};
    }
    return parsed;
  }
  parsed.problem = std::move(broken.problem);
  if (parsed.problem && read::may_go_on(*parsed.problem)) {
    if (auto joined = joiner_.join(batch, record)) {
      parsed.problem = read::over_lines(batch, record, *joined, file_);
      parsed.last = joined->last;
      parsed.object = parse_again(std::move(joined->text));
    }
  }
  return parsed;
}

std::optional<std::string> to_cell(element value) {
  using simdjson::dom::element_type;
  switch (value.type()) {
    case element_type::STRING: return std::string(std::string_view(value));
    case element_type::NULL_VALUE: return std::string();
    case element_type::BOOL: return std::string(bool(value) ? "true" : "false");
    case element_type::INT64: return std::to_string(std::int64_t(value));
    case element_type::UINT64: return std::to_string(std::uint64_t(value));
    case element_type::DOUBLE: return read::Json(double(value)).dump();
    case element_type::ARRAY:
    case element_type::OBJECT: break;
  }
  return std::nullopt;
}

}  // namespace luthier::data
