#!/usr/bin/env python3
"""Steps on several nodes, with real processes: ranks on different agents meet, end together, and survive a lost agent."""

import textwrap

from cluster import Cluster, expect, main, wait_for

# Rank 0 listens where all are told to meet and tells each who comes the sum; every rank prints what it knows.
RANKS = textwrap.dedent("""\
    import os, socket, sys, time
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    print(f"rank {rank} of {world}", flush=True)
    if rank == 0:
        server = socket.create_server(place)
        peers = [server.accept()[0] for _ in range(world - 1)]
        total = sum(int(peer.recv(100)) for peer in peers)
        for peer in peers:
            peer.sendall(str(total).encode())
    else:
        deadline = time.monotonic() + 60
        while True:
            try:
                peer = socket.create_connection(place)
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        peer.sendall(str(rank * 10).encode())
        total = int(peer.recv(100))
    print(f"total {total}", flush=True)
    time.sleep(float(sys.argv[1]))
    """)


def pipeline(cluster, nodes, pause_s, more=""):
    script = cluster.folder / "ranks.py"
    script.write_text(RANKS)
    path = cluster.folder / "gang.yaml"
    path.write_text(
        "name: gang\nsteps:\n  meet:\n    uses: run\n"
        f"    resources: {{ nodes: {nodes}, cpus: 1 }}\n{more}"
        f"    with: {{ command: [/usr/bin/python3, {script}, \"{pause_s}\"] }}\n")
    return path


def rank_log(cluster, run_id, rank, attempt):
    return cluster.request("GET", f"/api/v1/runs/{run_id}/steps/meet/log?rank={rank}&attempt={attempt}", raw=True)


def ranks_meet_and_end_together():
    with Cluster(agents=3) as cluster:
        run_id = cluster.submit(pipeline(cluster, 3, 0))
        cluster.wait_run(run_id, "succeeded")
        attempts = cluster.step(run_id, "meet")["attempts"]
        expect(len(attempts) == 1 and len(attempts[0]["ranks"]) == 2, f"one attempt on three agents: {attempts}")
        agents = {attempts[0]["agent"], *(rank["agent"] for rank in attempts[0]["ranks"])}
        expect(len(agents) == 3, f"each rank has an agent of its own: {attempts}")
        for rank in range(3):
            wait_for(f"the log of rank {rank}",
                     lambda rank=rank: rank_log(cluster, run_id, rank, 1) == b"rank %d of 3\ntotal 30\n" % rank)
        wait_for("all allocations to be free",
                 lambda: all(not agent["attempts"] for agent in cluster.get("/api/v1/agents")["agents"]))


def a_lost_agent_ends_the_gang_and_another_one_starts():
    with Cluster(agents=2, agent_silence_s=3) as cluster:
        run_id = cluster.submit(pipeline(cluster, 2, 8))
        wait_for("both ranks to have met", lambda: b"total" in rank_log(cluster, run_id, 0, 1))
        cluster.agents[2].kill()
        wait_for("the attempt to end", lambda: cluster.step(run_id, "meet")["attempts"][0]["error_code"] == "agent_lost")
        step = cluster.step(run_id, "meet")
        expect(step["status"] == "ready", f"no half of a gang runs on: {step}")
        expect(step["reason"] != "", "a step that waits says why")
        wait_for("the other rank to be stopped",
                 lambda: not any(agent["attempts"] for agent in cluster.get("/api/v1/agents")["agents"]
                                 if agent["status"] == "connected"))
        cluster.start_agent(2)
        cluster.wait_run(run_id, "succeeded")
        attempts = cluster.step(run_id, "meet")["attempts"]
        expect([attempt["status"] for attempt in attempts] == ["infrastructure_failure", "succeeded"], f"{attempts}")
        expect(rank_log(cluster, run_id, 1, 2) == b"rank 1 of 2\ntotal 10\n", "the second attempt's ranks met anew")


if __name__ == "__main__":
    main([ranks_meet_and_end_together, a_lost_agent_ends_the_gang_and_another_one_starts])
