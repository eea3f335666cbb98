"""Pools over many processes and machines: shards, on engines that people run already. See docs/cluster.md."""

from gatewise.serving.cluster.lanes import PartlyDoneError as PartlyDoneError
from gatewise.serving.cluster.on_ray import ray_pool as ray_pool
from gatewise.serving.cluster.on_redis import RedisLog as RedisLog
from gatewise.serving.cluster.placing import Placing as Placing
from gatewise.serving.cluster.predictor import Predictor as Predictor
from gatewise.serving.cluster.shard import BusyError as BusyError
from gatewise.serving.cluster.shard import Shard as Shard
from gatewise.serving.cluster.sharded import ShardedPool as ShardedPool
from gatewise.serving.cluster.storage import Folder as Folder
from gatewise.serving.cluster.storage import Storage as Storage
