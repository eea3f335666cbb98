/* The least that a Cortex-M needs to begin a program: a stack, where to start, and its floating-point unit on. */
extern void _start(void);

static void reset(void)
{
    *(volatile unsigned *)0xE000ED88u |= 0xFu << 20; /* CPACR: coprocessors 10 and 11 */
    __asm__ volatile("dsb\n\tisb");
    _start();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {(void *)0x20040000, (void *)reset};
