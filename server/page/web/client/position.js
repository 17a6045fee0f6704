// Where a client stands in the log, from which it resumes.
//
// The position is an epoch and the highest number received in it. Each connection delivers its messages in order and
// without a hole from where it began. So while two are open a number above the highest one is the next message, and any
// other is one that the client already has, whichever connection it comes on.
export class Position {
    epoch = "";
    seq = 0;
    /** Begins at the server's position, unless the client has one. */
    begin(epoch, seq) {
        if (this.epoch === "") {
            this.epoch = epoch;
            this.seq = seq;
        }
    }
    /** Advances to a message; says whether it is new. */
    reach(epoch, seq) {
        const isNew = epoch === this.epoch && seq > this.seq;
        if (isNew)
            this.seq = seq;
        return isNew;
    }
    /** Goes on after a gap; says whether anything is lost that was not known to be lost. */
    skip(gap) {
        if (gap.epoch === this.epoch && gap.next - 1 <= this.seq)
            return false;
        this.epoch = gap.epoch;
        this.seq = gap.next - 1;
        return true;
    }
}
