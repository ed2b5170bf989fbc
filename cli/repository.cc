#include "cli/repository.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFilesMax = 100'000;
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kComplaintBytesMax = 2'000;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

std::vector<std::string> git_environment() {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    variables.emplace_back(*entry);
  }
  for (const char* fixed : {"GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"}) {
    variables.emplace_back(fixed);
  }
  return variables;
}

std::string content_of(int fd, std::size_t bytes_max) {
  std::string text;
  char buffer[1 << 14];
  while (text.size() < bytes_max) {
    const ssize_t count = ::pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (count <= 0) {
      break;
    }
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

struct Wires {
  int in = -1;   // -1: nothing
  int out = -1;  // -1: into the answer
};

// Runs git in `folder`; its output, unless `wires` say where that goes.
Result<std::string> git(const fs::path& folder, std::vector<std::string> arguments, const Wires& wires = {}) {
  const UniqueFd output(::memfd_create("luthier-git", MFD_CLOEXEC));
  const UniqueFd complaint(::memfd_create("luthier-git", MFD_CLOEXEC));
  ChildOptions options;
  options.argv = {"git", "-C", folder.string()};
  options.argv.insert(options.argv.end(), std::make_move_iterator(arguments.begin()),
                      std::make_move_iterator(arguments.end()));
  options.environment = git_environment();
  options.stdin_fd = wires.in;
  options.stdout_fd = wires.out >= 0 ? wires.out : output.get();
  options.stderr_fd = complaint.get();
  LUTHIER_TRY(const pid_t pid, spawn_child(options));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return Error{ErrorCode::kInternal, "git cannot be waited for"};
    }
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::string said = content_of(complaint.get(), kComplaintBytesMax);
    said.erase(said.find_last_not_of("\r\n") + 1);
    return Error{ErrorCode::kFailedPrecondition, "git: " + (said.empty() ? "failed without a word" : said)};
  }
  return content_of(output.get(), kBytesMax);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool matches_parts(const std::vector<std::string>& pattern, std::size_t p, const std::vector<std::string>& path,
                   std::size_t q) {
  if (p == pattern.size()) {
    return true;  // the path itself, or something below a folder that is meant
  }
  if (pattern[p] == "**") {
    for (std::size_t skip = q; skip <= path.size(); ++skip) {
      if (matches_parts(pattern, p + 1, path, skip)) {
        return true;
      }
    }
    return false;
  }
  return q < path.size() && matches(pattern[p], path[q]) && matches_parts(pattern, p + 1, path, q + 1);
}

bool matches_any(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&path](const std::string& pattern) { return matches_path(pattern, path); });
}

struct TreeEntry {
  std::string mode;  // "100755"
  std::string object;
  std::uint64_t bytes = 0;
  std::string path;
};

// Of `git ls-tree -r -z -l`: "MODE TYPE OBJECT   SIZE\tPATH".
Result<TreeEntry> read_entry(const std::string& line) {
  const std::size_t tab = line.find('\t');
  std::vector<std::string> words = split(line.substr(0, tab), ' ');
  std::erase(words, "");
  if (tab == std::string::npos || words.size() != 4) {
    return Error{ErrorCode::kInternal, "git listed '" + line + "', which is not understood"};
  }
  TreeEntry entry{words[0], words[2], 0, line.substr(tab + 1)};
  std::from_chars(words[3].data(), words[3].data() + words[3].size(), entry.bytes);
  return entry;
}

// Every pattern must mean something: a misspelt one would otherwise be noticed late.
Result<void> check_patterns(const Repository& repository, const std::vector<std::string>& patterns,
                            const std::vector<TreeEntry>& entries) {
  for (const std::string& pattern : patterns) {
    if (std::any_of(entries.begin(), entries.end(),
                    [&pattern](const TreeEntry& entry) { return matches_path(pattern, entry.path); })) {
      continue;
    }
    LUTHIER_TRY(const std::vector<std::string> changed, changed_files(repository, {pattern}));
    return invalid("nothing at commit " + repository.commit.substr(0, 12) + " of " + repository.root.string() +
                   " matches '" + pattern + "'" +
                   (changed.empty() ? "; patterns start at the repository's root"
                                    : "; " + changed.front() + " is there, but not committed: commit it first"));
  }
  return {};
}

// Reads what `git cat-file --batch` wrote ("OBJECT blob SIZE\n", the bytes, "\n") into files.
Result<void> write_blobs(const fs::path& batch, const std::vector<TreeEntry>& entries,
                         const std::vector<LocalFile>& files) {
  std::ifstream stream(batch, std::ios::binary);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::string header;
    std::getline(stream, header);
    if (header != entries[i].object + " blob " + std::to_string(entries[i].bytes)) {
      return Error{ErrorCode::kInternal, "git gave '" + header + "' for " + entries[i].path};
    }
    std::string bytes(entries[i].bytes, '\0');
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream || stream.get() != '\n') {
      return Error{ErrorCode::kInternal, "git gave less than all of " + entries[i].path};
    }
    std::ofstream file(files[i].place, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      return Error{ErrorCode::kResourceExhausted, "cannot write " + files[i].place.string() + "; is the disk full?"};
    }
  }
  return {};
}

Result<void> read_blobs(const Repository& repository, const fs::path& folder, const std::vector<TreeEntry>& entries,
                        const std::vector<LocalFile>& files) {
  std::string objects;
  for (const TreeEntry& entry : entries) {
    objects += entry.object + "\n";
  }
  const fs::path batch = folder / "batch";
  {
    const UniqueFd in(::memfd_create("luthier-git", MFD_CLOEXEC));
    const UniqueFd out(::open(batch.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!in.valid() || !out.valid()) {
      return Error{ErrorCode::kInternal, "cannot create " + batch.string()};
    }
    LUTHIER_TRY_VOID(write_all(in.get(), objects));
    ::lseek(in.get(), 0, SEEK_SET);
    LUTHIER_TRY(const std::string nothing,
                git(repository.root, {"cat-file", "--batch"}, {.in = in.get(), .out = out.get()}));
  }
  LUTHIER_TRY_VOID(write_blobs(batch, entries, files));
  std::error_code failure;
  fs::remove(batch, failure);
  return {};
}

}  // namespace

Result<Repository> find_repository(const fs::path& folder) {
  const Result<std::string> root = git(folder, {"rev-parse", "--show-toplevel"});
  if (!root) {
    const bool absent = root.error().code == ErrorCode::kNotFound;
    return Error{ErrorCode::kNotFound, absent ? "there is no program git on this machine" : root.error().message};
  }
  const Result<std::string> commit = git(folder, {"rev-parse", "--verify", "--quiet", "HEAD^{commit}"});
  if (!commit) {
    return Error{ErrorCode::kNotFound, "the repository " + first_line(*root) + " has no commit yet"};
  }
  return Repository{first_line(*root), first_line(*commit)};
}

bool matches_path(const std::string& pattern, const std::string& path) {
  std::vector<std::string> parts = split(pattern, '/');
  std::erase_if(parts, [](const std::string& part) { return part.empty() || part == "."; });
  const auto twice = [](const std::string& a, const std::string& b) { return a == "**" && b == "**"; };
  parts.erase(std::unique(parts.begin(), parts.end(), twice), parts.end());
  return matches_parts(parts, 0, split(path, '/'), 0);
}

Result<CommittedFiles> CommittedFiles::take(const Repository& repository, const std::vector<std::string>& patterns) {
  LUTHIER_TRY(const std::string listed,
              git(repository.root, {"ls-tree", "-r", "-z", "-l", "--full-tree", repository.commit}));
  CommittedFiles taken;
  std::vector<TreeEntry> entries;
  std::uint64_t bytes = 0;
  for (const std::string& line : split(listed, '\0')) {
    LUTHIER_TRY(TreeEntry entry, read_entry(line));
    if (!matches_any(patterns, entry.path)) {
      continue;
    }
    if (!entry.mode.starts_with("100")) {
      taken.left_out_.push_back(entry.path);
      continue;
    }
    bytes += entry.bytes;
    entries.push_back(std::move(entry));
  }
  LUTHIER_TRY_VOID(check_patterns(repository, patterns, entries));
  if (entries.size() > kFilesMax || bytes > kBytesMax) {
    return invalid("the patterns mean " + std::to_string(entries.size()) + " files of " + std::to_string(bytes) +
                   " bytes; at most 100000 files and 1 GiB are taken: name fewer, and give data as `inputs`");
  }
  std::string name = (fs::temp_directory_path() / "luthier-files-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    return Error{ErrorCode::kInternal, "cannot create a folder in " + fs::temp_directory_path().string()};
  }
  taken.folder_ = name;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    taken.files_.push_back({entries[i].path, taken.folder_ / std::to_string(i), entries[i].mode == "100755"});
  }
  LUTHIER_TRY_VOID(read_blobs(repository, taken.folder_, entries, taken.files_));
  return taken;
}

CommittedFiles::CommittedFiles(CommittedFiles&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      files_(std::move(other.files_)),
      left_out_(std::move(other.left_out_)) {}

CommittedFiles::~CommittedFiles() {
  if (!folder_.empty()) {
    std::error_code failure;
    fs::remove_all(folder_, failure);
  }
}

Result<std::vector<std::string>> changed_files(const Repository& repository, const std::vector<std::string>& patterns) {
  LUTHIER_TRY(const std::string status,
              git(repository.root, {"status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"}));
  std::vector<std::string> changed;
  for (const std::string& entry : split(status, '\0')) {  // "XY PATH"
    if (entry.size() > 3 && matches_any(patterns, entry.substr(3))) {
      changed.push_back(entry.substr(3));
    }
  }
  return changed;
}

}  // namespace luthier::cli
