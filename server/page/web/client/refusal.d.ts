/** Whether a place says that a token is worth nothing (401). Not where it cannot be asked, as on another origin. */
export declare function refuses(place: URL, token: string): Promise<boolean>;
