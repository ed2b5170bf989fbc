#include "pipelines/data/change_list.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/unique_fd.h"

namespace luthier::data {
namespace {

using Json = nlohmann::ordered_json;

std::string to_line(const Change& change) {
  const Json json = {{"file", change.file},
                     {"line", change.line},
                     {"change", change.dropped ? "dropped" : "changed"},
                     {"why", change.code},
                     {"detail", change.detail}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const std::string& line) {
  const Json json = Json::parse(line);
  return json["file"].get<std::string>() + ":" + std::to_string(json["line"].get<std::int64_t>()) + ": " +
         json["change"].get<std::string>() + ", " + json["why"].get<std::string>() + ": " +
         json["detail"].get<std::string>() + "\n";
}

// nullptr when there is no folder for temporary files that takes one.
std::FILE* open_unnamed() {
  std::error_code error;
  std::string path = (std::filesystem::temp_directory_path(error) / "luthier-changes.XXXXXX").string();
  UniqueFd fd(error ? -1 : ::mkstemp(path.data()));
  if (!fd.valid()) {
    return nullptr;
  }
  (void)::unlink(path.c_str());
  std::FILE* file = ::fdopen(fd.get(), "w+");
  if (file != nullptr) {
    (void)fd.release();  // the stream owns it now
  }
  return file;
}

Error write_failed(const std::filesystem::path& path) {
  return {errno == ENOSPC ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
          "writing " + path.string() + ": " + std::strerror(errno)};
}

}  // namespace

void ChangeList::add(const Change& change) {
  if (file_ == nullptr && !failed_) {
    file_.reset(open_unnamed());
  }
  const std::string line = to_line(change);
  failed_ = failed_ || file_ == nullptr || std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size();
  ++size_;
}

Result<void> ChangeList::write(const std::filesystem::path& folder) const {
  if (failed_ || (file_ != nullptr && std::fflush(file_.get()) != 0)) {
    return Error{ErrorCode::kResourceExhausted,
                 "the list of changes does not fit into the folder for temporary files; set TMPDIR to a larger one"};
  }
  std::ofstream lines(folder / "changes.jsonl", std::ios::binary | std::ios::trunc);
  std::ofstream text(folder / "changes.txt", std::ios::binary | std::ios::trunc);
  if (file_ != nullptr) {
    std::rewind(file_.get());
    std::string line;
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), file_.get()) != nullptr) {
      line += buffer.data();
      if (line.ends_with('\n')) {
        lines << line;
        text << to_text(line);
        line.clear();
      }
    }
    LUTHIER_CHECK(std::fseek(file_.get(), 0, SEEK_END) == 0);
  }
  if (!lines.flush()) {
    return write_failed(folder / "changes.jsonl");
  }
  if (!text.flush()) {
    return write_failed(folder / "changes.txt");
  }
  return {};
}

}  // namespace luthier::data
