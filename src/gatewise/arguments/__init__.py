"""Declared arguments: how a layer says its arguments once, how they are read, and those that many layers have."""

from __future__ import annotations

from gatewise.arguments.declared import REQUIRED as REQUIRED
from gatewise.arguments.declared import Argument as Argument
from gatewise.arguments.declared import Declared as Declared
from gatewise.arguments.declared import bind as bind
from gatewise.arguments.declared import by_name as by_name
from gatewise.arguments.declared import in_order as in_order
from gatewise.arguments.declared import ordered as ordered
from gatewise.arguments.declared import refuse_typo as refuse_typo
from gatewise.arguments.declared import unsaid as unsaid
from gatewise.arguments.kinds import KEYWORD_IN_KERAS2 as KEYWORD_IN_KERAS2
from gatewise.arguments.kinds import NO_ADAPTERS as NO_ADAPTERS
from gatewise.arguments.kinds import absent as absent
from gatewise.arguments.kinds import activation as activation
from gatewise.arguments.kinds import constraint as constraint
from gatewise.arguments.kinds import count as count
from gatewise.arguments.kinds import data_format as data_format
from gatewise.arguments.kinds import flag as flag
from gatewise.arguments.kinds import initializer as initializer
from gatewise.arguments.kinds import not_negative as not_negative
from gatewise.arguments.kinds import one_step as one_step
from gatewise.arguments.kinds import optional_number as optional_number
from gatewise.arguments.kinds import padding as padding
from gatewise.arguments.kinds import rate as rate
from gatewise.arguments.kinds import real as real
from gatewise.arguments.kinds import regularizer as regularizer
from gatewise.arguments.kinds import seed as seed
from gatewise.arguments.parsers import boolean as boolean
from gatewise.arguments.parsers import fraction as fraction
from gatewise.arguments.parsers import integer as integer
from gatewise.arguments.parsers import number as number
from gatewise.arguments.parsers import one_of as one_of
from gatewise.arguments.parsers import optional as optional
from gatewise.arguments.parsers import positive as positive
from gatewise.arguments.parsers import shape as shape
from gatewise.arguments.parsers import text as text
from gatewise.arguments.parsers import truth as truth
from gatewise.arguments.signature import SignatureOf as SignatureOf
from gatewise.arguments.signature import text_of as text_of
