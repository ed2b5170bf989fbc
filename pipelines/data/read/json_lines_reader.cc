#include <algorithm>
#include <cstring>

#include "pipelines/data/read/formats.h"

namespace luthier::data::read {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

class JsonLinesReader final : public Reader {
 public:
  JsonLinesReader(std::unique_ptr<ByteSource> bytes, std::string name, bool keep_blank)
      : source_(std::move(bytes)), name_(std::move(name)), keep_blank_(keep_blank) {}

  Result<bool> next(Batch& batch) override {
    begin_batch(batch, number_, ordinal_);
    std::swap(batch.bytes, carry_);
    carry_.clear();
    LUTHIER_TRY(const std::size_t end, fill(batch.bytes));
    carry_.assign(batch.bytes, end, std::string::npos);
    batch.bytes.resize(end);
    if (batch.bytes.empty()) {
      return false;
    }
    split(batch);
    ++number_;
    ordinal_ += static_cast<std::int64_t>(batch.records.size());
    end_batch(batch);
    return true;
  }

  [[nodiscard]] FileFormat format() const override { return FileFormat::kJsonLines; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return bytes_read_; }

 private:
  // Reads until `bytes` holds kBatchBytes and a whole line, and gives the end of the last whole line.
  Result<std::size_t> fill(std::string& bytes) {
    std::size_t line_end = last_line_end(bytes, 0);
    while (!at_end_ && (bytes.size() < kBatchBytes || line_end == 0)) {
      if (bytes.size() > kRecordBytesMax) {
        return Error{ErrorCode::kInvalidArgument,
                     name_ + ":" + std::to_string(line_) + ": the line is longer than " +
                         std::to_string(kRecordBytesMax >> 20) +
                         " MiB; is this JSON with one object a line? If it is one array, name it .json"};
      }
      const std::size_t have = bytes.size();
      // By a share of what is there, so that one long line is not copied over and over.
      const std::size_t wanted = std::max(kBatchBytes, have / 2);
      bytes.resize(have + wanted);
      auto got = read_fully(*source_, bytes.data() + have, wanted);
      bytes.resize(have + (got ? *got : 0));
      if (!got) {
        return std::move(got).error();
      }
      at_end_ = *got < wanted;
      bytes_read_ += *got;
      line_end = std::max(line_end, last_line_end(bytes, have));
    }
    return at_end_ ? bytes.size() : line_end;
  }

  static std::size_t last_line_end(const std::string& bytes, std::size_t from) {
    const std::size_t newline = std::string_view(bytes).substr(from).rfind('\n');
    return newline == std::string_view::npos ? 0 : from + newline + 1;
  }

  void split(Batch& batch) {
    const std::string_view bytes = batch.bytes;
    for (std::size_t begin = 0; begin < bytes.size(); ++line_) {
      const void* newline = std::memchr(bytes.data() + begin, '\n', bytes.size() - begin);
      const std::size_t end = newline == nullptr
                                  ? bytes.size()
                                  : static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data());
      const std::size_t text_end = end > begin && bytes[end - 1] == '\r' ? end - 1 : end;
      if (!is_blank(bytes.substr(begin, text_end - begin))) {
        batch.records.push_back({begin, text_end - begin, line_, 1});
      } else if (keep_blank_) {
        batch.records.push_back({begin, 0, line_, 1});
      }
      begin = end + 1;
    }
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  bool keep_blank_;
  std::string carry_;  // the beginning of a line whose end is not read yet
  std::int64_t number_ = 0;
  std::int64_t ordinal_ = 0;
  std::int64_t line_ = 1;
  std::uint64_t bytes_read_ = 0;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<Reader> make_json_lines_reader(std::unique_ptr<ByteSource> bytes, std::string name, bool keep_blank) {
  return std::make_unique<JsonLinesReader>(std::move(bytes), std::move(name), keep_blank);
}

}  // namespace luthier::data::read
