#include <set>
#include <thread>

#include "base/file.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

TEST_F(StoreTest, AKeyIsKnownByItsSecretAlsoAfterReopening) {
  const std::vector<std::pair<std::string, Principal>> keys{{"secret-viewer", {"ann", Scope::kViewer}},
                                                            {"secret-developer", {"bob", Scope::kDeveloper}},
                                                            {"secret-admin", {"root", Scope::kAdmin}},
                                                            {"secret-agent", {"a-9", Scope::kAgent}}};
  for (const auto& [secret, principal] : keys) {
    ASSERT_TRUE(store_->add_key(secret, principal));
  }
  reopen();
  for (const auto& [secret, principal] : keys) {
    const auto found = store_->authenticate(secret);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->name, principal.name);
    EXPECT_EQ(found->scope, principal.scope);
  }
}

TEST_F(StoreTest, AnUnknownSecretIsNotAuthenticated) {
  ASSERT_TRUE(store_->add_key("secret", {"ann", Scope::kViewer}));
  for (const std::string& secret :
       {std::string(), std::string("Secret"), std::string("secret "), std::string("secret\0", 7),
        sha256_digest("secret"), std::string("' OR 1 = 1 --")}) {
    const auto found = store_->authenticate(secret);
    ASSERT_FALSE(found) << secret;
    EXPECT_EQ(found.error().code, ErrorCode::kUnauthenticated);
  }
}

TEST_F(StoreTest, ASecretBelongsToOneKeyOnly) {
  ASSERT_TRUE(store_->add_key("secret", {"ann", Scope::kViewer}));
  EXPECT_EQ(store_->add_key("secret", {"bob", Scope::kAdmin}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(store_->authenticate("secret")->name, "ann");
  EXPECT_EQ(store_->add_key("", {"nobody", Scope::kAdmin}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, OnlyAnAdminKeyIsAnAdminKey) {
  EXPECT_FALSE(*store_->has_admin_key());
  ASSERT_TRUE(store_->add_key("secret-1", {"bob", Scope::kDeveloper}));
  EXPECT_FALSE(*store_->has_admin_key());
  ASSERT_TRUE(store_->add_key("secret-2", {"root", Scope::kAdmin}));
  EXPECT_TRUE(*store_->has_admin_key());
}

TEST_F(StoreTest, AJoinTokenGivesAsManyAgentsAsItHasUses) {
  ASSERT_TRUE(store_->add_join_token("token", 2, kStartMs + 1'000));
  EXPECT_EQ(*store_->join("token", "credential-1", "node-1", kStartMs), "a-1");
  EXPECT_EQ(*store_->join("token", "credential-2", "node-2", kStartMs), "a-2");
  EXPECT_EQ(store_->join("token", "credential-3", "node-3", kStartMs).error().code, ErrorCode::kUnauthenticated);
  reopen();
  EXPECT_EQ(store_->authenticate("credential-2")->name, "a-2");
  EXPECT_EQ(store_->authenticate("credential-2")->scope, Scope::kAgent);
  EXPECT_FALSE(store_->authenticate("credential-3"));
  EXPECT_FALSE(store_->authenticate("token"));  // a token is not a key
}

TEST_F(StoreTest, WhatIsNotAValidTokenJoinsNobody) {
  ASSERT_TRUE(store_->add_join_token("token", 5, kStartMs));
  EXPECT_EQ(store_->join("token", "c-1", "late", kStartMs).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(store_->join("other", "c-2", "stranger", kStartMs - 1).error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(store_->add_join_token("none", 0, kStartMs).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*store_->join("token", "c-3", "early", kStartMs - 1), "a-1");
}

TEST_F(StoreTest, AJoinThatFailsUsesNothingUp) {
  ASSERT_TRUE(store_->add_key("credential", {"taken", Scope::kViewer}));
  ASSERT_TRUE(store_->add_join_token("token", 1, kStartMs));
  EXPECT_EQ(store_->join("token", "credential", "node", 0).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(*store_->join("token", "another", "node", 0), "a-1");
}

TEST_F(StoreTest, ConcurrentJoinsNeverUseATokenTwice) {
  ASSERT_TRUE(store_->add_join_token("token", 3, kStartMs));
  std::vector<std::string> agents(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    threads.emplace_back([this, &agents, i] {
      auto joined = store_->join("token", "credential-" + std::to_string(i), "node", 0);
      agents[i] = joined ? *joined : "";
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(std::set<std::string>(agents.begin(), agents.end()), (std::set<std::string>{"", "a-1", "a-2", "a-3"}));
}

TEST_F(StoreTest, NoSecretIsInTheFiles) {
  ASSERT_TRUE(store_->add_key("find-me-if-you-can-1", {"ann", Scope::kAdmin}));
  ASSERT_TRUE(store_->add_join_token("find-me-if-you-can-2", 1, kStartMs));
  ASSERT_TRUE(store_->join("find-me-if-you-can-2", "find-me-if-you-can-3", "node", 0));
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    const auto content = read_file(entry.path());
    ASSERT_TRUE(content);
    EXPECT_EQ(content->find("find-me"), std::string::npos) << entry.path();
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(0077), std::filesystem::perms::none);
    ++files;
  }
  EXPECT_GE(files, 2);
}

TEST_F(StoreTest, JoinTokensAreListedByIdWithoutTheirSecretAndCanBeRevoked) {
  ASSERT_TRUE(store_->add_join_token("token-1", 2, kStartMs + 1'000));
  ASSERT_TRUE(store_->add_join_token("token-2", 1, kStartMs));  // over
  const auto listed = store_->list_join_tokens(kStartMs);
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->at("join_tokens").size(), 1U);
  const std::string id = listed->at("join_tokens")[0].at("id");
  EXPECT_EQ(id, join_token_id("token-1"));
  EXPECT_EQ(listed->at("join_tokens")[0].at("uses_left"), 2);
  EXPECT_EQ(listed->dump().find("token-1"), std::string::npos);
  ASSERT_TRUE(store_->revoke_join_token(id));
  EXPECT_EQ(store_->revoke_join_token(id).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->join("token-1", "c", "n", kStartMs).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(StoreTest, AForgottenAgentsCredentialIsVoid) {
  ASSERT_TRUE(store_->add_join_token("token", 1, kStartMs + 1'000));
  ASSERT_EQ(*store_->join("token", "credential", "node", kStartMs), "a-1");
  commit({core::AgentJoined{AgentId{"a-1"}, "node", "boot", {}, {{"gpu", "a100"}}, "0.1"},
          core::AgentDraining{AgentId{"a-1"}, kStartMs, "me", false}});
  const Json agent = store_->list_agents()->at("agents")[0];
  EXPECT_EQ(agent.at("labels"), (Json{{"gpu", "a100"}}));
  EXPECT_EQ(agent.at("drain"), "draining");
  ASSERT_TRUE(store_->authenticate("credential"));
  commit({core::AgentForgotten{AgentId{"a-1"}, "me"}});
  EXPECT_EQ(store_->authenticate("credential").error().code, ErrorCode::kUnauthenticated);
  EXPECT_TRUE(store_->list_agents()->at("agents").empty());
}

}  // namespace
}  // namespace luthier::store
