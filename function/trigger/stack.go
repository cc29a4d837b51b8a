package trigger

// stackSize is more of a stack than any answer here needs.
const stackSize = 16 << 10

// growStack makes room on the goroutine's stack. Each invocation has a goroutine of
// its own, whose stack is small. Left to grow by doubling it is copied again and again,
// frame by frame, and the more there are, the longer that takes: a sixth of what the
// first invocation does, and of later ones a twentieth. The index, of which it does not
// matter what it is, keeps the compiler from leaving the room out.
//
//go:noinline
func growStack(index int) byte {
	var room [stackSize]byte
	room[index%stackSize] = 1
	return room[0]
}
