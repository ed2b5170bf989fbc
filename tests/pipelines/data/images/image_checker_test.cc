#include "pipelines/data/images/image_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/pipelines/data/check/check_text.h"
#include "tests/pipelines/data/images/pictures.h"

namespace luthier::data::images {
namespace {

using check::Counts;
using testing::HasSubstr;
using Json = nlohmann::ordered_json;

std::string code_of(const std::string& url, const ImageOptions& options = {}) {
  return std::string(ImageChecker(options).check(url).code);
}

TEST(ImageChecker, SaysWhyAnImageIsSkipped) {
  EXPECT_EQ(code_of(data_url(png(2))), "");
  EXPECT_EQ(code_of(data_url(jpeg(3))), "");
  EXPECT_EQ(code_of(data_url(webp_lossless(true))), "");
  EXPECT_EQ(code_of(data_url(png(0))), "image_mode");
  EXPECT_EQ(code_of(data_url(jpeg(4))), "image_mode");
  EXPECT_EQ(code_of(data_url("GIF89a")), "image_format");
  EXPECT_EQ(code_of(data_url(png(2, 4, 3, 10'000'000))), "image_size");
  EXPECT_EQ(code_of("data:image/png;base64,???"), "image_url");
  EXPECT_EQ(code_of("photo.png"), "image_url");
  EXPECT_EQ(code_of("file:///etc/passwd"), "image_url");
  EXPECT_EQ(code_of("https://example.org/a.png"), "image_not_fetched");
  EXPECT_EQ(code_of("http://127.0.0.1:1/a.png", {.fetch = true}), "image_unreachable");
}

TEST(ImageChecker, AsksTheContentScan) {
  const TemporaryFolder folder;
  const auto program = [&](const char* name, const std::string& script) {
    const auto path = folder.write(name, "#!/bin/sh\n" + script);
    ::chmod(path.c_str(), 0755);
    return path.string();
  };
  const auto verdict = [](const std::string& scan) { return ImageChecker({.scan = scan}).check(data_url(png(2))); };
  EXPECT_EQ(verdict(program("good", "head -c 4 \"$1\" | grep -q PNG")).code, "");
  const ImageVerdict refused = verdict(program("bad", "echo 'a CAPTCHA'; exit 1"));
  EXPECT_EQ(refused.code, "image_refused");
  EXPECT_EQ(refused.reason, "a CAPTCHA");
  EXPECT_THAT(verdict(program("broken", "exit 7")).reason, HasSubstr("the content scan failed"));
  EXPECT_THAT(verdict("/no/such/program").reason, HasSubstr("the content scan failed"));
  EXPECT_THAT(verdict("http://127.0.0.1:1/").reason, HasSubstr("the content scan failed"));
}

std::string image_part(const std::string& url) {
  return R"({"type":"image_url","image_url":{"url":")" + url + R"("}})";
}

std::string picture_chat(const std::string& parts) {
  return R"({"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"})" + parts +
         R"(]},{"role":"assistant","content":"A cat."}]})";
}

TEST(RemoveUnusableImages, DropsAnExampleWhoseMessageHasLostAllImages) {
  ImageChecker checker({});
  Json kept = Json::parse(picture_chat("," + image_part(data_url(png(2))) + "," + image_part("x")));
  const ImageRemoval some = remove_unusable_images(kept, checker);
  EXPECT_FALSE(some.drop);
  ASSERT_EQ(some.removed.size(), 1U);
  EXPECT_EQ(some.removed[0].verdict.code, "image_url");
  EXPECT_EQ(kept["messages"][0]["content"].size(), 2U);

  Json lost = Json::parse(picture_chat("," + image_part("x")));
  EXPECT_TRUE(remove_unusable_images(lost, checker).drop);
  Json none = Json::parse(picture_chat(""));
  EXPECT_FALSE(remove_unusable_images(none, checker).drop);
  for (const char* odd : {"[]", "{}", R"({"messages":1})", R"({"messages":[1,{"content":[1,{"image_url":1}]}]})"}) {
    Json json = Json::parse(odd);
    EXPECT_FALSE(remove_unusable_images(json, checker).drop) << odd;
  }
}

TEST(CheckFile, CountsImagesByWhatIsWrong) {
  const std::string rest = check::good_chats(600);
  const auto counts = [&](const std::string& record) { return counts_of(check::check_text(rest + record + "\n")); };
  const std::string good = "," + image_part(data_url(png(2)));
  EXPECT_EQ(counts(picture_chat(good)), Counts{});
  EXPECT_EQ(counts(picture_chat(good + "," + image_part(data_url(png(3))))), (Counts{{"image_mode", 1}}));
  EXPECT_EQ(counts(picture_chat("," + image_part(data_url("GIF89a")))),
            (Counts{{"image_format", 1}, {"example_without_images", 1}}));
  EXPECT_EQ(counts(picture_chat("," + image_part("https://example.org/a.png"))), (Counts{{"image_not_fetched", 1}}));
  std::string eleven;
  for (int i = 0; i < 11; ++i) {
    eleven += good;
  }
  EXPECT_EQ(counts(picture_chat(eleven)), (Counts{{"image_count", 1}}));
  EXPECT_EQ(counts(picture_chat(R"(,{"type":"image_url","image_url":{"url":")" + data_url(png(2)) +
                                R"(","detail":"huge"}})")),
            (Counts{{"image_detail", 1}}));
  EXPECT_EQ(counts(picture_chat(R"(,{"type":"image_url","image_url":"x"})")), (Counts{{"content_part", 1}}));
  EXPECT_EQ(counts(R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[)" +
                   image_part(data_url(png(2))) + "]}]}"),
            (Counts{{"image_role", 1}}));
}

}  // namespace
}  // namespace luthier::data::images
