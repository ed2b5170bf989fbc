#!/usr/bin/env python3
"""Makes the goldens of luthier-worker with transformers and peft, the independent reference.

    python3 make_goldens.py        (torch 2.11, transformers 5.17, peft 0.21; CPU)

llama/          a tiny random model: llama3-scaled rotary embedding, grouped queries, tied embeddings, a tokenizer
llama_adapter/  a PEFT adapter for it, with B not zero
qwen2/          a tinier one: biases on q, k, v, untied embeddings, plain rotary embedding
expected.json, expected.safetensors   what the reference computes
"""
import json
import pathlib
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

HERE = pathlib.Path(__file__).parent
EOS = 0
PROMPTS = [[5, 77, 200, 31, 9, 130, 42], [260, 261], list(range(20, 60))]
# (ids, first supervised position)
BATCHES = [
    [([11, 12, 13, 14, 200, 0], 4), ([90, 91, 201, 0], 2), ([31, 30, 29, 28, 27, 26, 25, 202, 203, 0], 7)],
    [([60, 61, 62, 200, 0], 3), ([5, 201, 0], 1)],
    [([7, 8, 9, 202, 203, 0], 3), ([99, 98, 97, 96, 200, 0], 4), ([1, 2, 201, 0], 2)],
]
LEARNING_RATES = [1e-3, 2e-3, 5e-4]
ADAM = {"betas": (0.9, 0.95), "eps": 1e-8}
WEIGHT_DECAY = 0.1
NORM_MAX = 0.5


def make_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    text = ["the goalie made a save", "the pitcher threw a ball", "a goal by the goalie ->", "a ball by the pitcher ->"]
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=288, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    assert tokenizer.get_vocab_size() == 288
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|endoftext|>"}, indent=1) + "\n")


def randomize(model, seed, deviation):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            center = 1.0 if name.endswith("norm.weight") else 0.0
            parameter.copy_(center + deviation * torch.randn(parameter.shape, generator=generator))


def logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].clone()


def batch_loss(model, batch):
    """The mean over all supervised tokens of the batch, one unpadded sequence at a time."""
    total, count = 0.0, 0
    for ids, first in batch:
        scores = model(torch.tensor([ids[:-1]])).logits[0, first - 1:]
        total = total + torch.nn.functional.cross_entropy(scores, torch.tensor(ids[first:]), reduction="sum")
        count += len(ids) - first
    return total / count


def train(model):
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    groups = [{"params": [p for p in trained.values() if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},
              {"params": [p for p in trained.values() if p.dim() < 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], **ADAM)
    losses, norms = [], []
    for batch, rate in zip(BATCHES, LEARNING_RATES):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = batch_loss(model, batch)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(trained.values(), NORM_MAX).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms, {n: p.detach().clone() for n, p in trained.items()}


def main():
    for name in ["llama", "llama_adapter", "qwen2"]:
        shutil.rmtree(HERE / name, ignore_errors=True)
    tensors = {}
    expected = {"prompts": PROMPTS, "batches": BATCHES, "learning_rates": LEARNING_RATES,
                "weight_decay": WEIGHT_DECAY, "beta1": 0.9, "beta2": 0.95, "norm_max": NORM_MAX}

    llama = LlamaForCausalLM(LlamaConfig(
        vocab_size=288, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=True, rms_norm_eps=1e-5,
        bos_token_id=None, eos_token_id=EOS, pad_token_id=EOS,
        rope_parameters={"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
                         "high_freq_factor": 4.0, "original_max_position_embeddings": 32})).eval()
    randomize(llama, 1, 0.15)
    llama.save_pretrained(HERE / "llama")
    make_tokenizer(HERE / "llama")
    for i, ids in enumerate(PROMPTS):
        tensors[f"llama.logits.{i}"] = logits(llama, ids)
    generated = llama.generate(torch.tensor([PROMPTS[0]]), max_new_tokens=24, do_sample=False, eos_token_id=None)
    expected["greedy"] = generated[0, len(PROMPTS[0]):].tolist()

    qwen2 = Qwen2ForCausalLM(Qwen2Config(
        vocab_size=288, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=128, tie_word_embeddings=False, bos_token_id=None,
        eos_token_id=EOS, pad_token_id=EOS)).eval()
    randomize(qwen2, 2, 0.2)
    qwen2.save_pretrained(HERE / "qwen2")
    tensors["qwen2.logits.0"] = logits(qwen2, PROMPTS[2])

    config = LoraConfig(r=4, lora_alpha=12, target_modules=["q_proj", "v_proj", "o_proj", "down_proj"],
                        task_type="CAUSAL_LM", base_model_name_or_path="tiny")
    adapted = get_peft_model(llama, config).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in sorted(adapted.named_parameters()):
            if "lora_" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(HERE / "llama_adapter")
    (HERE / "llama_adapter" / "README.md").unlink(missing_ok=True)
    tensors["llama_adapter.logits.0"] = logits(adapted, PROMPTS[0])
    losses, norms, weights = train(adapted)
    expected["adapter_training"] = {"losses": losses, "norms": norms}
    for name, tensor in weights.items():
        tensors["adapter_trained." + name.replace(".default", "")] = tensor

    full = LlamaForCausalLM.from_pretrained(HERE / "llama").eval()
    losses, norms, weights = train(full)
    expected["full_training"] = {"losses": losses, "norms": norms}
    for name in ["model.norm.weight", "model.layers.0.input_layernorm.weight",
                 "model.layers.0.self_attn.k_proj.weight", "model.layers.1.mlp.up_proj.weight"]:
        tensors["full_trained." + name] = weights[name]

    save_file(tensors, HERE / "expected.safetensors")
    (HERE / "expected.json").write_text(json.dumps(expected) + "\n")


main()
