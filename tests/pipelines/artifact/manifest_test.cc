#include "pipelines/artifact/manifest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::artifact {
namespace {

TEST(Manifest, SafePathsStayBelowTheirFolder) {
  for (const char* path : {"a", "a/b.txt", "deep/er/c", "..a", "a..b"}) {
    EXPECT_TRUE(is_safe_path(path)) << path;
  }
  for (const char* path : {"", "/a", "a/", "..", "a/../b", "a//b", "./a", "a\nb", "a\\b"}) {
    EXPECT_FALSE(is_safe_path(path)) << path;
  }
}

TEST(Manifest, OfAFolderIsTheSameWhateverTheOrderOfItsFiles) {
  const auto folder = std::filesystem::temp_directory_path() / ("luthier-manifest-" + std::to_string(::getpid()));
  ASSERT_TRUE(create_folders(folder / "sub"));
  ASSERT_TRUE(write_file_atomically(folder / "sub" / "b", "two"));
  ASSERT_TRUE(write_file_atomically(folder / "a", "one"));
  const Manifest manifest = manifest_of_folder(folder, "dataset").value();
  ASSERT_EQ(manifest.files.size(), 2U);
  EXPECT_EQ(manifest.files[0], (FileEntry{"a", sha256_digest("one"), 3}));
  EXPECT_EQ(manifest.files[1], (FileEntry{"sub/b", sha256_digest("two"), 3}));
  Manifest turned = manifest;
  std::swap(turned.files[0], turned.files[1]);
  EXPECT_EQ(manifest_digest(turned), manifest_digest(manifest));
  EXPECT_EQ(manifest_from_json(manifest_to_json(turned)).value(), manifest);

  std::filesystem::create_symlink("/etc/passwd", folder / "link");
  EXPECT_NE(manifest_of_folder(folder, "dataset").error().message.find("link is not a regular file"),
            std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST(Manifest, SaysWhichFilesAreProgramsAndNothingOfOthers) {
  const std::string digest = sha256_digest("x");
  const std::string entry = R"({"bytes":1,"digest":")" + digest;
  EXPECT_EQ(manifest_to_json({"source", {{"a", digest, 1}}}),
            R"({"files":[)" + entry + R"(","path":"a"}],"kind":"source"})");
  const std::string program = R"({"files":[)" + entry + R"(","executable":true,"path":"a"}],"kind":"source"})";
  EXPECT_EQ(manifest_to_json({"source", {{"a", digest, 1, true}}}), program);
  EXPECT_TRUE(manifest_from_json(program).value().files.front().executable);
  EXPECT_FALSE(manifest_from_json(R"({"files":[)" + entry + R"(","executable":false,"path":"a"}],"kind":"source"})"));
}

TEST(Manifest, RefusesWhatCouldHarm) {
  const std::string digest = sha256_digest("x");
  const auto with = [&](const std::string& files) { return R"({"kind":"model","files":)" + files + "}"; };
  const std::string good = R"({"path":"a","digest":")" + digest + R"(","bytes":1})";
  EXPECT_TRUE(manifest_from_json(with("[" + good + "]")));
  for (const std::string& text : {std::string("{"), std::string("[]"), with("[]"), with("[" + good + "," + good + "]"),
                                  with(R"([{"path":"../a","digest":")" + digest + R"(","bytes":1}])"),
                                  with(R"([{"path":"a","digest":"sha256:00","bytes":1}])"),
                                  with(R"([{"path":"a","digest":")" + digest + R"(","bytes":-1}])"),
                                  with(R"([{"path":"a","digest":")" + digest + R"("}])")}) {
    EXPECT_FALSE(manifest_from_json(text)) << text;
  }
}

}  // namespace
}  // namespace luthier::artifact
