#include "pipelines/data/read/formats.h"
#include "pipelines/data/read/window.h"

namespace luthier::data::read {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

// Finds where a JSON value ends, over text that comes in pieces.
class ValueScanner {
 public:
  // The length of the value that `text` begins with, or 0 when it does not end in `text`. Called with the same text and
  // more behind it until it has ended.
  std::size_t scan(std::string_view text, bool at_end) {
    const char first = text.front();
    if (first != '{' && first != '[' && first != '"') {
      const std::size_t end = text.find_first_of(",[]{}\" \t\r\n");
      return end == std::string_view::npos ? (at_end ? text.size() : 0) : std::max<std::size_t>(end, 1);
    }
    for (; at_ < text.size(); ++at_) {
      const char c = text[at_];
      if (in_string_) {
        if (c == '\\' && at_ + 1 == text.size() && !at_end) {
          return 0;  // the escaped character is not there yet
        }
        at_ += c == '\\' ? 1 : 0;
        in_string_ = c != '"';
        if (!in_string_ && depth_ == 0) {
          return at_ + 1;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if ((c == '}' || c == ']') && --depth_ == 0) {
        return at_ + 1;
      }
    }
    return at_end ? text.size() : 0;
  }

 private:
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool in_string_ = false;
};

class JsonReader final : public Reader {
 public:
  JsonReader(std::unique_ptr<ByteSource> bytes, std::string name, std::vector<Problem> first)
      : window_(std::move(bytes)), name_(std::move(name)), first_(std::move(first)) {}

  Result<bool> next(Batch& batch) override {
    begin_batch(batch, number_, ordinal_);
    std::swap(batch.problems, first_);
    bool more = true;
    while (more && batch.bytes.size() < kBatchBytes) {
      LUTHIER_TRY(more, read_value(batch));
    }
    if (batch.records.empty() && batch.problems.empty()) {
      return false;
    }
    ++number_;
    ordinal_ += static_cast<std::int64_t>(batch.records.size());
    end_batch(batch);
    return true;
  }

  [[nodiscard]] FileFormat format() const override { return FileFormat::kJson; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return window_.bytes_read(); }

 private:
  // One value into the batch; false at the end.
  Result<bool> read_value(Batch& batch) {
    while (true) {
      LUTHIER_TRY(const bool there, skip_space());
      if (!there) {
        if (in_array_) {
          complain(batch, "json_unfinished", "the file ends inside an array, without its ]; was it cut off?");
          in_array_ = false;
        }
        return false;
      }
      if (!take_punctuation(batch, window_.text().front())) {
        break;
      }
    }
    ValueScanner scanner;
    std::size_t length = 0;
    while ((length = scanner.scan(window_.text(), window_.at_end())) == 0) {
      if (window_.text().size() > kRecordBytesMax) {
        return Error{ErrorCode::kInvalidArgument,
                     name_ + ":" + std::to_string(window_.line()) + ":" + std::to_string(window_.column()) +
                         ": this value is longer than " + std::to_string(kRecordBytesMax >> 20) +
                         " MiB; is a quote or bracket in it never closed?"};
      }
      LUTHIER_TRY_VOID(window_.grow());
    }
    batch.records.push_back({batch.bytes.size(), length, window_.line(), window_.column()});
    batch.bytes += window_.text().substr(0, length);
    window_.consume(length);
    after_comma_ = false;
    after_value_ = true;
    return true;
  }

  // False when nothing but space is left.
  Result<bool> skip_space() {
    while (true) {
      const std::size_t length = window_.text().find_first_not_of(kSpace);
      if (length != std::string_view::npos) {
        window_.consume(length);
        return true;
      }
      window_.consume(window_.text().size());
      if (window_.at_end()) {
        return false;
      }
      LUTHIER_TRY_VOID(window_.grow());
    }
  }

  // The brackets and commas of the array around the records; and what stands between records by mistake.
  bool take_punctuation(Batch& batch, char c) {
    if (c == '[' && !in_array_) {
      in_array_ = true;
      after_value_ = false;
    } else if (c == ']') {
      if (after_comma_) {
        complain(batch, "json_trailing_comma", "a comma before ] is not JSON; remove it");
      } else if (!in_array_) {
        complain(batch, "json_unexpected", "this ] closes nothing; remove it");
      }
      in_array_ = false;
      after_comma_ = after_value_ = false;
    } else if (c == ',') {
      if (!in_array_) {
        complain(batch, "json_unexpected",
                 "a comma between records that are in no array; remove it, or put all in [ ]");
      } else if (!after_value_) {
        complain(batch, "json_unexpected", "this comma has no value before it; remove it");
      }
      after_comma_ = true;
      after_value_ = false;
    } else if (c == '}') {
      complain(batch, "json_unexpected", "this } closes nothing; remove it");
    } else {
      if (in_array_ && after_value_) {
        complain(batch, "json_unexpected", "a comma is missing between this value and the one before it");
      }
      return false;
    }
    window_.consume(1);
    return true;
  }

  void complain(Batch& batch, std::string code, std::string message) const {
    constexpr std::size_t kProblemsMax = 1'000;  // of one batch: a file that is no JSON at all has one a byte
    if (batch.problems.size() < kProblemsMax) {
      batch.problems.push_back(
          {std::move(code), Severity::kError, name_, window_.line(), window_.column(), std::move(message)});
    }
  }

  Window window_;
  std::string name_;
  std::vector<Problem> first_;
  std::int64_t number_ = 0;
  std::int64_t ordinal_ = 0;
  bool in_array_ = false;
  bool after_comma_ = false;
  bool after_value_ = false;
};

}  // namespace

std::unique_ptr<Reader> make_json_reader(std::unique_ptr<ByteSource> bytes, std::string name,
                                         std::vector<Problem> first) {
  return std::make_unique<JsonReader>(std::move(bytes), std::move(name), std::move(first));
}

}  // namespace luthier::data::read
