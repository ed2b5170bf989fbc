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

std::string line_of(const Change& change) {
  const Json json = {{"file", change.file},
                     {"line", change.line},
                     {"change", change.dropped ? "dropped" : "changed"},
                     {"why", change.code},
                     {"detail", change.detail}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const std::string& line) {
  const Json json = Json::parse(line);
  const bool run = json.contains("rows");
  const auto number = [&](const char* name) { return std::to_string(json[name].get<std::int64_t>()); };
  return json["file"].get<std::string>() + ":" + number("line") + (run ? "-" + number("last_line") : "") + ": " +
         json["change"].get<std::string>() + ", " + json["why"].get<std::string>() + ": " +
         (run ? "all " + number("rows") + " rows, the first: " : "") + json["detail"].get<std::string>() + "\n";
}

// nullptr when there is no folder for temporary files that takes one.
std::FILE* open_unnamed(std::filesystem::path folder) {
  std::error_code error;
  folder = folder.empty() ? std::filesystem::temp_directory_path(error) : folder;
  std::string path = (folder / "luthier-changes.XXXXXX").string();
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

std::string ChangeList::to_line(const std::string& code, const Run& run) {
  if (run.rows == 1) {
    return line_of({run.file, run.line, run.dropped, code, run.detail});
  }
  const Json json = {{"file", run.file},
                     {"line", run.line},
                     {"last_line", run.last_line},
                     {"rows", run.rows},
                     {"change", run.dropped ? "dropped" : "changed"},
                     {"why", code},
                     {"detail", run.detail}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void ChangeList::put(const std::string& line) {
  if (file_ == nullptr && !failed_) {
    file_.reset(open_unnamed(folder_));
  }
  failed_ = failed_ || file_ == nullptr || std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size();
}

void ChangeList::add(const Change& change, std::int64_t rows) {
  put(to_line(std::string(change.code), {std::string(change.file), change.line, change.line + rows - 1, rows, 0,
                                         change.dropped, std::string(change.detail)}));
  size_ += rows;
}

void ChangeList::add_to_run(const Change& change, std::uint64_t row) {
  ++size_;
  const auto known = runs_.find(change.code);
  if (known != runs_.end() && known->second.last_row + 1 == row && known->second.file == change.file) {
    Run& run = known->second;
    run.last_line = change.line;
    run.last_row = row;
    ++run.rows;
    return;
  }
  if (known != runs_.end()) {
    put(to_line(known->first, known->second));
    runs_.erase(known);
  }
  runs_.emplace(change.code, Run{std::string(change.file), change.line, change.line, 1, row, change.dropped,
                                 std::string(change.detail)});
}

Result<void> ChangeList::write(const std::filesystem::path& folder) const {
  if (failed_ || (file_ != nullptr && std::fflush(file_.get()) != 0)) {
    return Error{ErrorCode::kResourceExhausted,
                 "the list of changes does not fit into the folder for temporary files; set TMPDIR to a larger one"};
  }
  std::ofstream lines(folder / "changes.jsonl", std::ios::binary | std::ios::trunc);
  std::ofstream text(folder / "changes.txt", std::ios::binary | std::ios::trunc);
  const auto write_both = [&](const std::string& line) {
    lines << line;
    text << to_text(line);
  };
  if (file_ != nullptr) {
    std::rewind(file_.get());
    std::string line;
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), file_.get()) != nullptr) {
      line += buffer.data();
      if (line.ends_with('\n')) {
        write_both(line);
        line.clear();
      }
    }
    LUTHIER_CHECK(std::fseek(file_.get(), 0, SEEK_END) == 0);
  }
  for (const auto& [code, run] : runs_) {
    write_both(to_line(code, run));
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
