#include "pipelines/data/check/content_scan.h"

#include <gtest/gtest.h>

#include <string>

namespace luthier::data::check {
namespace {

ContentMarks marks_of(std::string_view text) {
  ContentMarks marks;
  scan_content(text, marks);
  return marks;
}

TEST(ScanContent, FindsSecretsAndNotWordsLikeThem) {
  // Put together here so that nobody takes this file for a leak.
  const std::string tail = "abcd1234EFGH5678ijkl9012MNOP3456qrst7890";
  for (const std::string& text : {
           "AKIA" + std::string("IOSFODNN7EXAMPLE"),
           "x sk-" + tail,
           "\"ghp_" + tail + "\"",
           "github_pat_" + tail,
           "xoxb-" + tail,
           "AIza" + tail,
           "hf_" + tail,
           "eyJ" + tail + "." + tail,
           std::string("-----BEGIN RSA PRIVATE ") + "KEY-----",
       }) {
    EXPECT_FALSE(marks_of(text).secret.empty()) << text;
  }
  for (const char* text : {"task-oriented-dialogue-systems-are-fun",
                           "ask-"
                           "me-anything-about-the-2024-season",
                           "AKIA", "hf_", "sk-short1", "-----BEGIN CERTIFICATE-----",
                           "the-sk-word-is-no-key-at-all-is-it", "sk-this-is-only-a-long-hyphenated-phrase"}) {
    EXPECT_TRUE(marks_of(text).secret.empty()) << text;
  }
}

TEST(ScanContent, FindsEmailAddresses) {
  EXPECT_EQ(marks_of("Write to bob.b+x@mail.example.org, please").email_address, "bob.b+x@mail.example.org");
  EXPECT_EQ(marks_of("Ends here: a@b.de.").email_address, "a@b.de");
  for (const char* text :
       {"@lakers disappoint", "3 @ 5.00", "a@b", "git@host:path", "x@1.2.3.4", "@", "a@.", "a@b..", "@@"}) {
    EXPECT_EQ(marks_of(text).email_address, "") << text;
  }
}

TEST(ScanContent, FindsDamageAndNotForeignWords) {
  for (const char* text : {"cafÃ©", "itâ€™s", "a b", "lost \xef\xbf\xbd here"}) {
    EXPECT_EQ(marks_of(text).damage.empty(), std::string_view(text) == "a b") << text;
  }
  for (const char* text : {"café", "Ãgua", "château", "naïve", "São Paulo", "日本語", "🙂", "â", "\xc3"}) {
    EXPECT_EQ(marks_of(text).damage, "") << text;
  }
}

TEST(IsRefusal, KnowsTheUsualStarts) {
  for (const char* text :
       {"I'm sorry, but I can't", " I’m sorry, but no", "As an AI language model, I", "I CANNOT HELP with"}) {
    EXPECT_TRUE(is_refusal(text)) << text;
  }
  for (const char* text : {"", "I'm sorry for your loss.", "Sorry about the delay! Your parcel", "As an air hostess"}) {
    EXPECT_FALSE(is_refusal(text)) << text;
  }
}

}  // namespace
}  // namespace luthier::data::check
