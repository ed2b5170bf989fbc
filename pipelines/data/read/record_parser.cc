#include <simdjson.h>

#include "base/check.h"
#include "pipelines/data/read/broken_json.h"
#include "pipelines/data/read/reader.h"

namespace luthier::data::read {
namespace {

// Depth is bounded by the parser (kDepthMax).
Json to_json(simdjson::dom::element element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::OBJECT: {
      Json object = Json::object();
      for (const auto& [name, value] : simdjson::dom::object(element)) {
        object[std::string(name)] = to_json(value);
      }
      return object;
    }
    case element_type::ARRAY: {
      Json array = Json::array();
      for (const simdjson::dom::element value : simdjson::dom::array(element)) {
        array.push_back(to_json(value));
      }
      return array;
    }
    case element_type::STRING: return std::string(std::string_view(element));
    case element_type::INT64: return std::int64_t(element);
    case element_type::UINT64: return std::uint64_t(element);
    case element_type::DOUBLE: return double(element);
    case element_type::BOOL: return bool(element);
    case element_type::NULL_VALUE: break;
  }
  return nullptr;
}

}  // namespace

struct RecordParser::State {
  simdjson::dom::parser parser;
};

RecordParser::RecordParser() : state_(std::make_unique<State>()) {
  LUTHIER_CHECK(state_->parser.allocate(kBatchBytes, kJsonDepthMax) == simdjson::SUCCESS);
}
RecordParser::~RecordParser() = default;
RecordParser::RecordParser(RecordParser&&) noexcept = default;
RecordParser& RecordParser::operator=(RecordParser&&) noexcept = default;

ReadExample RecordParser::parse(const Batch& batch, std::size_t record, const std::string& file) {
  const RawRecord& raw = batch.records[record];
  ReadExample read;
  read.example.ordinal = batch.first_ordinal + static_cast<std::int64_t>(record);
  read.example.line = raw.line;
  read.example.column = raw.column;
  const std::string_view text = batch.text_of(raw);
  simdjson::dom::element element;
  // The batch's padding, or the next record, is readable behind the text, so nothing is copied.
  if (state_->parser.parse(text.data(), text.size(), false).get(element) != simdjson::SUCCESS) {
    BrokenJson broken = diagnose(text, {file, raw.line, raw.column});
    read.problem = std::move(broken.problem);
    if (broken.value) {
      read.example.value = std::move(*broken.value);
    }
    return read;
  }
  if (element.is_object()) {
    read.example.value = to_json(element);
  } else {
    read.problem = not_an_object(text, {file, raw.line, raw.column});
  }
  return read;
}

ExampleStream::ExampleStream(Reader& reader, std::string name)
    : reader_(reader), name_(std::move(name)), joiner_(std::make_unique<LineJoiner>()) {}
ExampleStream::~ExampleStream() = default;

ReadExample ExampleStream::next_record() {
  const std::size_t first = record_++;
  ReadExample read = parser_.parse(batch_, first, name_);
  if (read.problem && may_go_on(*read.problem)) {
    if (const auto joined = joiner_->join(batch_, first)) {
      read.problem = over_lines(batch_, first, *joined, name_);
      record_ = joined->last + 1;
    }
  }
  return read;
}

Result<std::optional<ReadExample>> ExampleStream::next() {
  while (true) {
    const bool has_record = record_ < batch_.records.size();
    if (problem_ < batch_.problems.size() &&
        (!has_record || batch_.problems[problem_].line <= batch_.records[record_].line)) {
      ReadExample read;
      read.example.line = batch_.problems[problem_].line;
      read.example.column = batch_.problems[problem_].column;
      read.problem = batch_.problems[problem_++];
      return std::optional<ReadExample>(std::move(read));
    }
    if (has_record) {
      return std::optional<ReadExample>(next_record());
    }
    LUTHIER_TRY(const bool more, reader_.next(batch_));
    record_ = problem_ = 0;
    if (!more) {
      batch_ = {};
      return std::optional<ReadExample>();
    }
  }
}

}  // namespace luthier::data::read
