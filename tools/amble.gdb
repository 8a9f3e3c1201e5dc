# Tasks in gdb:  gdb -x tools/amble.gdb PROGRAM
#
#   amble-tasks          lists the tasks of this thread's scheduler that have not ended, with the stack pointer each was left at
#   amble-backtrace T    shows where task T (an address from that list) waits; x86-64, in a live process
#
# A task that runs now shows with `backtrace` alone. Its list entry holds the stack pointer of its last switch.

define amble-tasks
  set $head = &amble__this_scheduler->all
  set $node = $head->next
  set $offset = (unsigned long)&((struct amble_task *)0)->all_node
  while $node != $head
    set $task = (struct amble_task *)((char *)$node - $offset)
    printf "%p  sp %p  %-8s %s\n", $task, $task->context.stack_pointer, \
      $task == amble__running ? "runs" : $task->wait ? "waits" : "ready", $task->name
    set $node = $node->next
  end
end

# Puts on the registers that the switch saved (switch_x86_64.c), looks, and puts them back.
define amble-backtrace
  set $frame_words = (unsigned long *)((struct amble_task *)$arg0)->context.stack_pointer
  set $saved_pc = $pc
  set $saved_sp = $sp
  set $saved_bp = $rbp
  set $sp = (unsigned long)($frame_words + 7)
  set $pc = $frame_words[6]
  set $rbp = $frame_words[5]
  backtrace
  set $pc = $saved_pc
  set $sp = $saved_sp
  set $rbp = $saved_bp
end
