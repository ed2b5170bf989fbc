// Window: the part of a text that a reader looks at, with the place of each byte. Grows at its end, is cut at its
// start.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "pipelines/data/read/byte_source.h"
#include "pipelines/data/read/reader.h"

namespace luthier::data::read {

class Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // What is there and not yet consumed.
  [[nodiscard]] std::string_view text() const { return std::string_view(buffer_).substr(begin_); }
  [[nodiscard]] bool at_end() const { return at_end_; }  // nothing will be added to text()
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::int64_t column() const { return column_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

  // Adds bytes to text(), by a share of it, so that long records are not copied over and over.
  Result<void> grow() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const std::size_t have = buffer_.size();
    const std::size_t wanted = std::max(kBatchBytes / 4, have / 2);
    buffer_.resize(have + wanted);
    auto got = read_fully(*source_, buffer_.data() + have, wanted);
    buffer_.resize(have + (got ? *got : 0));
    if (!got) {
      return std::move(got).error();
    }
    bytes_read_ += *got;
    at_end_ = *got < wanted;
    return {};
  }

  void consume(std::size_t bytes) {
    const std::string_view consumed = text().substr(0, bytes);
    const auto lines = std::count(consumed.begin(), consumed.end(), '\n');
    line_ += lines;
    column_ = lines == 0 ? column_ + static_cast<std::int64_t>(bytes)
                         : static_cast<std::int64_t>(consumed.size() - consumed.rfind('\n'));
    begin_ += consumed.size();
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::int64_t line_ = 1;
  std::int64_t column_ = 1;
  std::uint64_t bytes_read_ = 0;
  bool at_end_ = false;
};

}  // namespace luthier::data::read
