// The git repository that a pipeline file lies in, at its commit. Reads only; needs the program git.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/sources.h"

namespace luthier::cli {

struct Repository {
  std::filesystem::path root;
  std::string commit;  // of HEAD, in full
};

// kNotFound: `folder` is in no repository, it has no commit yet, or there is no git; the message says which.
[[nodiscard]] Result<Repository> find_repository(const std::filesystem::path& folder);

// Whether a path, '/'-separated from the repository's root, is meant by a pattern: its parts match one after the other,
// '*' any text within a part, "**" any number of parts; what names a folder means everything below it.
[[nodiscard]] bool matches_path(const std::string& pattern, const std::string& path);

// Files as committed. The folder that holds them goes with this object.
class CommittedFiles {
 public:
  // Everything that any of the patterns means. kInvalidArgument when one of them means nothing.
  [[nodiscard]] static Result<CommittedFiles> take(const Repository& repository,
                                                   const std::vector<std::string>& patterns);
  CommittedFiles(CommittedFiles&& other) noexcept;
  CommittedFiles& operator=(CommittedFiles&&) = delete;
  CommittedFiles(const CommittedFiles&) = delete;
  CommittedFiles& operator=(const CommittedFiles&) = delete;
  ~CommittedFiles();

  [[nodiscard]] const std::vector<LocalFile>& files() const { return files_; }
  // Symbolic links and submodules, which artifacts cannot hold.
  [[nodiscard]] const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  CommittedFiles() = default;

  std::filesystem::path folder_;
  std::vector<LocalFile> files_;
  std::vector<std::string> left_out_;
};

// Paths that the patterns mean and whose present content is not that of the commit; new ones included, ignored ones
// not.
[[nodiscard]] Result<std::vector<std::string>> changed_files(const Repository& repository,
                                                             const std::vector<std::string>& patterns);

}  // namespace luthier::cli
